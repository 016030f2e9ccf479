#include "server/config/fields.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "absl/time/time.h"

namespace authflow {
namespace {

std::string Resolve(const At& at, const std::string& path) {
  const std::filesystem::path file(path);
  return file.is_absolute() ? path : (std::filesystem::path(at.folder) / file).lexically_normal().string();
}

std::optional<std::string> ReadFile(const At& at, const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string content;
  if (file) content.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  std::error_code error;
  if (!file || file.bad() || std::filesystem::is_directory(path, error)) {
    at.Problem(Cat("cannot read ", path, ": ", errno != 0 ? std::strerror(errno) : "not a file"));
    return std::nullopt;
  }
  return content;
}

}  // namespace

bool IsGraphic(std::string_view text) {
  return Consists(text, [](char c) { return c > ' ' && c <= '~'; });
}

bool IsName(std::string_view text, bool underscore) {
  return !text.empty() && text.size() <= 32 && Consists(text, [underscore](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (underscore && c == '_');
  });
}

bool IsLoopback(std::string_view host) { return host == "127.0.0.1" || host == "[::1]" || host == "localhost"; }

void CheckUrl(const At& at, std::string_view url, bool query) {
  std::string_view rest = url;
  bool secure = false;
  if (rest.starts_with("https://")) {
    secure = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return at.Problem("must be an https URL");
  }
  if (!IsGraphic(url)) return at.Problem("must not have spaces, control characters or characters outside ASCII");
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) return at.Problem("must not have a user name");
  const size_t colon = authority.starts_with('[') ? authority.find(':', authority.find(']')) : authority.find(':');
  const std::string_view host = authority.substr(0, colon);
  if (host.empty()) return at.Problem("has no host");
  if (!secure && !IsLoopback(host)) return at.Problem("must be an https URL (http is for loopback hosts alone)");
  if (url.find('#') != std::string_view::npos) return at.Problem("must not have a fragment");
  if (!query && url.find('?') != std::string_view::npos) return at.Problem("must not have a query");
}

absl::Duration ReadDuration(const At& at, bool is_set, const google::protobuf::Duration& value,
                            absl::Duration otherwise, absl::Duration least, absl::Duration most) {
  if (!is_set) return otherwise;
  const absl::Duration duration = absl::Seconds(value.seconds()) + absl::Nanoseconds(value.nanos());
  if (duration < least || duration > most) {
    at.Problem(Cat("must be from ", absl::FormatDuration(least), " to ", absl::FormatDuration(most)));
    return otherwise;
  }
  return duration;
}

Secret ReadSecret(const At& at, const config::v1::SecretSource& source) {
  switch (source.source_case()) {
    case config::v1::SecretSource::kFile: {
      const At file = at.Field("file");
      if (source.file().empty()) {
        file.Problem("needs the name of a file");
        return Secret();
      }
      const std::string path = Resolve(at, source.file());
      std::optional<std::string> content = ReadFile(file, path);
      if (!content) return Secret();
      if (content->ends_with('\n')) content->pop_back();
      if (content->ends_with('\r')) content->pop_back();
      if (content->empty()) {
        file.Problem(Cat(path, " is empty"));
      } else if (!Consists(*content, [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != 0x7f; })) {
        file.Problem(Cat(path, " must have one line without control characters"));
      }
      return Secret(*std::move(content));
    }
    case config::v1::SecretSource::kEnvironment: {
      const At variable = at.Field("environment");
      const char* value = std::getenv(source.environment().c_str());
      if (source.environment().empty()) {
        variable.Problem("needs the name of an environment variable");
      } else if (value == nullptr || *value == '\0') {
        variable.Problem(Cat("the environment variable ", source.environment(), " is not set"));
      } else {
        return Secret(value);
      }
      return Secret();
    }
    case config::v1::SecretSource::SOURCE_NOT_SET:
      at.Problem("needs one of file and environment");
  }
  return Secret();
}

std::string ReadFilePath(const At& at, const std::string& path) {
  if (path.empty()) return path;
  const std::string resolved = Resolve(at, path);
  ReadFile(at, resolved);
  return resolved;
}

}  // namespace authflow
