// Readers of single fields: each returns the value, with its default, and adds what is wrong with it to the problems.
#ifndef AUTHFLOW_SERVER_CONFIG_FIELDS_H_
#define AUTHFLOW_SERVER_CONFIG_FIELDS_H_

#include <google/protobuf/duration.pb.h>

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "authflow/config/v1/config.pb.h"
#include "server/base/secret.h"
#include "server/config/problems.h"

namespace authflow {

// Where a reader is: the path of the message it reads.
struct At {
  Problems& problems;
  const std::string& folder;  // relative files are relative to it
  std::string path;           // empty for the whole

  // The field `name` of this message; the element `index` of a repeated one.
  At Field(std::string_view name) const { return {problems, folder, path.empty() ? Cat(name) : Cat(path, ".", name)}; }
  At Element(std::string_view name, int index) const {
    At field = Field(name);
    field.path += Cat("[", index, "]");
    return field;
  }
  void Problem(std::string_view sentence) const { problems.Add(path, sentence); }
};

// All of `text` is made of characters for which `allowed` holds.
template <typename Allowed>
bool Consists(std::string_view text, Allowed allowed) {
  for (const char c : text) {
    if (!allowed(c)) return false;
  }
  return true;
}

// Printable ASCII without spaces.
bool IsGraphic(std::string_view text);
// Names of products and regions: 1 to 32 of [a-z0-9-], and "_" when `underscore`.
bool IsName(std::string_view text, bool underscore);

// https, or http on a loopback host; no user, no fragment, and no query unless `query` says so. Empty: the caller's to
// judge.
void CheckUrl(const At& at, std::string_view url, bool query);
// "127.0.0.1", "[::1]" or "localhost".
bool IsLoopback(std::string_view host);

absl::Duration ReadDuration(const At& at, bool is_set, const google::protobuf::Duration& value,
                            absl::Duration otherwise, absl::Duration least, absl::Duration most);

// Empty with a problem when there is none to be had.
Secret ReadSecret(const At& at, const config::v1::SecretSource& source);

// The path of a readable file, relative to the folder; "" for "".
std::string ReadFilePath(const At& at, const std::string& path);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_CONFIG_FIELDS_H_
