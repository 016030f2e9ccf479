// The file behind a file sink: appends whole lines or nothing.
#ifndef AUTHFLOW_SERVER_DELIVERY_JSON_LINES_FILE_H_
#define AUTHFLOW_SERVER_DELIVERY_JSON_LINES_FILE_H_

#include <string>

#include "server/delivery/sink.h"

namespace authflow {

// Not thread-safe; blocks.
class JsonLinesFile {
 public:
  explicit JsonLinesFile(std::string path) : path_(std::move(path)) {}
  ~JsonLinesFile() { Close(); }
  JsonLinesFile(const JsonLinesFile&) = delete;

  // `lines` end with a line break. On disk when the result is kDelivered; otherwise the file is as it was.
  Delivery Append(const std::string& lines);

 private:
  bool Open();
  void Close();
  // True while the open file is the one that the path names.
  bool Current() const;
  // Takes away what stands behind the last line break.
  bool RemoveTornLine();
  Delivery Failed(const char* what, int error, Delivery::Result result);

  const std::string path_;
  int fd_ = -1;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_JSON_LINES_FILE_H_
