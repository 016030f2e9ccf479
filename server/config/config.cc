#include "server/config/config.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_join.h"
#include "authflow/config/v1/config.pb.h"
#include "server/base/text.h"
#include "server/config/fields.h"
#include "server/config/problems.h"
#include "server/config/read_product.h"

namespace authflow {
namespace {

// Where the text cannot be parsed, as editors and compilers say it.
class ParseErrors final : public google::protobuf::io::ErrorCollector {
 public:
  ParseErrors(std::string name, Problems& problems) : name_(std::move(name)), problems_(problems) {}
  void AddError(int line, int column, const std::string& message) override {
    if (line < 0) return problems_.Add(name_, message);
    problems_.AddLine(Cat(name_, ":", line + 1, ":", column + 1, ": ", message));
  }
  void AddWarning(int line, int column, const std::string& message) override { AddError(line, column, message); }

 private:
  const std::string name_;
  Problems& problems_;
};

FlowLimitsConfig ReadLimits(const At& at, const config::v1::FlowLimits& proto) {
  FlowLimitsConfig limits;
  limits.expiry = ReadDuration(at.Field("expiry"), proto.has_expiry(), proto.expiry(), absl::Minutes(30),
                               absl::Minutes(1), absl::Hours(24));
  limits.browser_wait =
      ReadDuration(at.Field("browser_wait"), proto.has_browser_wait(), proto.browser_wait(),
                   std::min(absl::Duration(absl::Minutes(10)), limits.expiry), absl::Seconds(1), limits.expiry);
  limits.exchange = ReadDuration(at.Field("exchange"), proto.has_exchange(), proto.exchange(), absl::Seconds(30),
                                 absl::Seconds(1), absl::Minutes(2));
  limits.grace = ReadDuration(at.Field("grace"), proto.has_grace(), proto.grace(), absl::Seconds(60), absl::Seconds(1),
                              absl::Minutes(10));
  return limits;
}

Config Read(const At& at, const config::v1::ServerConfig& proto) {
  Config config;
  std::map<std::string, int> ids;
  std::map<std::string, int> files;
  for (int i = 0; i < proto.products_size(); ++i) {
    const At element = at.Element("products", i);
    config.products.push_back(ReadProduct(element, proto.products(i)));
    const auto [same_id, new_id] = ids.emplace(proto.products(i).id(), i);
    if (!new_id) element.Field("id").Problem(Cat("is that of products[", same_id->second, "] as well"));
    if (const auto* file = std::get_if<FileSinkConfig>(&config.products.back().sink)) {
      const auto [same_file, new_file] = files.emplace(file->path, i);
      if (!new_file) {
        element.Field("sink.file.path").Problem(Cat("is that of products[", same_file->second, "] as well"));
      }
    }
  }
  if (proto.products_size() == 0) at.Field("products").Problem("needs at least one");
  config.limits = ReadLimits(at.Field("flow_limits"), proto.flow_limits());
  const bool kept = proto.retention().has_finished_flows();
  config.retention =
      ReadDuration(at.Field("retention").Field("finished_flows"), kept, proto.retention().finished_flows(),
                   absl::Hours(30 * 24), absl::Hours(7 * 24), absl::Hours(3650 * 24));
  return config;
}

absl::Status ToStatus(const Problems& problems) {
  return absl::InvalidArgumentError(absl::StrJoin(problems.lines(), "\n"));
}

}  // namespace

absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& name, const std::string& folder) {
  Problems problems;
  ParseErrors errors(name, problems);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  config::v1::ServerConfig proto;
  if (!parser.ParseFromString(std::string(text), &proto)) {
    if (problems.empty()) problems.Add(name, "is no configuration");
    return ToStatus(problems);
  }
  Config config = Read(At{problems, folder, ""}, proto);
  if (!problems.empty()) return ToStatus(problems);
  return config;
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::error_code error;
  if (!file || std::filesystem::is_directory(path, error)) {
    return absl::NotFoundError(Cat("cannot read the configuration ", path, ": ",
                                   errno != 0 ? std::strerror(errno) : "not a file",
                                   "; \"authflowd init --issuer URL --client-id ID --output FILE\" writes one"));
  }
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return ParseConfig(text, path, std::filesystem::path(path).parent_path().string());
}

}  // namespace authflow
