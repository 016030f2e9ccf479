#include "server/config/read_product.h"

#include <filesystem>
#include <set>
#include <string>

#include "absl/time/time.h"

namespace authflow {
namespace {

constexpr char kSegment[] = "https://api.segment.io";

std::variant<NoApplicationsConfig, LocalApplicationsConfig> ReadApplications(const At& at,
                                                                             const config::v1::Applications& proto) {
  switch (proto.directory_case()) {
    case config::v1::Applications::kNone:
      return NoApplicationsConfig{};
    case config::v1::Applications::kLocal:
      break;
    case config::v1::Applications::DIRECTORY_NOT_SET:
      at.Problem("needs one of local and none");
      return NoApplicationsConfig{};
  }
  const At local_at = at.Field("local");
  LocalApplicationsConfig local;
  std::set<std::string> seen;
  for (int i = 0; i < proto.local().regions_size(); ++i) {
    const std::string& region = proto.local().regions(i);
    const At element = local_at.Element("regions", i);
    if (!IsName(region, /*underscore=*/false)) element.Problem("must be 1 to 32 of a-z, 0-9 and '-'");
    if (!seen.insert(region).second) element.Problem("stands here twice");
    local.regions.push_back(region);
  }
  if (local.regions.empty()) local_at.Field("regions").Problem("needs at least one");
  return local;
}

SegmentSinkConfig ReadSegment(const At& at, const config::v1::SegmentSink& proto) {
  SegmentSinkConfig segment;
  segment.endpoint = proto.endpoint().empty() ? kSegment : proto.endpoint();
  CheckUrl(at.Field("endpoint"), segment.endpoint, /*query=*/false);
  if (proto.has_write_key()) {
    segment.write_key = ReadSecret(at.Field("write_key"), proto.write_key());
  } else {
    at.Field("write_key").Problem("required");
  }
  segment.timeout = ReadDuration(at.Field("timeout"), proto.has_timeout(), proto.timeout(), absl::Seconds(30),
                                 absl::Seconds(1), absl::Minutes(2));
  segment.ca_file = ReadFilePath(at.Field("ca_file"), proto.ca_file());
  return segment;
}

std::variant<NoSinkConfig, FileSinkConfig, SegmentSinkConfig> ReadSink(const At& at, const config::v1::Sink& proto) {
  switch (proto.kind_case()) {
    case config::v1::Sink::kNone:
      return NoSinkConfig{};
    case config::v1::Sink::kFile: {
      const At path = at.Field("file").Field("path");
      const std::filesystem::path file(proto.file().path());
      if (file.empty()) path.Problem("required");
      if (file.is_absolute()) path.Problem("must be relative to the data folder");
      for (const auto& part : file) {
        if (part == "..") path.Problem("must stay in the data folder");
      }
      return FileSinkConfig{file.lexically_normal().string()};
    }
    case config::v1::Sink::kSegment:
      return ReadSegment(at.Field("segment"), proto.segment());
    case config::v1::Sink::KIND_NOT_SET:
      break;
  }
  at.Problem("needs one of segment, file and none");
  return NoSinkConfig{};
}

}  // namespace

RedirectConfig ReadRedirect(const At& at, const config::v1::Redirect& proto) {
  RedirectConfig redirect;
  redirect.host = proto.host().empty() ? "127.0.0.1" : proto.host();
  if (!IsLoopback(redirect.host)) at.Field("host").Problem("must be \"127.0.0.1\", \"[::1]\" or \"localhost\"");
  redirect.path = proto.path().empty() ? "/callback" : proto.path();
  if (redirect.path.front() != '/' || !IsGraphic(redirect.path) ||
      redirect.path.find_first_of("?#") != std::string::npos || redirect.path.size() > 128) {
    at.Field("path").Problem("must begin with \"/\", without query, fragment and spaces; at most 128 bytes");
  }
  std::set<int> ports;
  for (int i = 0; i < proto.ports_size(); ++i) {
    const At element = at.Element("ports", i);
    if (proto.ports(i) < 1 || proto.ports(i) > 65535) element.Problem("must be from 1 to 65535");
    if (!ports.insert(proto.ports(i)).second) element.Problem("stands here twice");
    redirect.ports.push_back(proto.ports(i));
  }
  std::set<std::string> uris;
  for (int i = 0; i < proto.uris_size(); ++i) {
    const std::string& uri = proto.uris(i);
    const At element = at.Element("uris", i);
    const size_t scheme = uri.find(':');
    if (scheme == std::string::npos || scheme == 0 || !IsGraphic(uri) || uri.size() > 512 ||
        uri.find('#') != std::string::npos) {
      element.Problem("must be an absolute URI without fragment and spaces, at most 512 bytes");
    }
    if (!uris.insert(uri).second) element.Problem("stands here twice");
    redirect.uris.push_back(uri);
  }
  return redirect;
}

ProductConfig ReadProduct(const At& at, const config::v1::Product& proto) {
  ProductConfig product;
  product.id = proto.id();
  const bool begins_well = !proto.id().empty() && proto.id().front() != '-' && proto.id().front() != '_';
  if (!begins_well || !IsName(proto.id(), /*underscore=*/true)) {
    at.Field("id").Problem("must be 1 to 32 of a-z, 0-9, '_' and '-', beginning with a letter or a digit");
  }
  product.display_name = proto.display_name().empty() ? proto.id() : proto.display_name();
  if (proto.display_name().size() > 64 ||
      !Consists(proto.display_name(), [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != 0x7f; })) {
    at.Field("display_name").Problem("at most 64 bytes, no control characters");
  }
  if (proto.has_provider()) {
    product.provider = ReadProvider(at.Field("provider"), proto.provider());
  } else {
    at.Field("provider").Problem("required");
  }
  product.redirect = ReadRedirect(at.Field("redirect"), proto.redirect());
  product.applications = ReadApplications(at.Field("applications"), proto.applications());
  product.sink = ReadSink(at.Field("sink"), proto.sink());
  return product;
}

}  // namespace authflow
