#include "server/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace authflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Folder() { return ::testing::TempDir(); }

std::string WriteFile(const std::string& name, const std::string& content) {
  std::ofstream(Folder() + "/" + name) << content;
  return name;
}

constexpr char kProvider[] = R"(issuer: "https://id.example.com" client_id: "cli")";

// A good product with other parts.
std::string Product(const std::string& provider = kProvider, const std::string& rest = "",
                    const std::string& applications = "none {}", const std::string& sink = "none {}",
                    const std::string& id = "tool") {
  return "products { id: \"" + id + "\" provider { " + provider + " } applications { " + applications + " } sink { " +
         sink + " } " + rest + " }";
}

absl::StatusOr<Config> Parse(const std::string& text) { return ParseConfig(text, "test.conf", Folder()); }

TEST(ConfigTest, DefaultsAreFilledIn) {
  const auto config = Parse(Product());
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->products.size(), 1u);
  const ProductConfig& product = config->products[0];
  EXPECT_EQ(product.display_name, "tool");
  EXPECT_THAT(product.provider.scopes, ElementsAre("openid", "email", "profile", "offline_access"));
  EXPECT_EQ(product.provider.client_authentication, ClientAuthentication::kNone);
  EXPECT_EQ(product.provider.identity.source, IdentitySource::kIdToken);
  EXPECT_EQ(product.provider.identity.user_id, "sub");
  EXPECT_EQ(product.provider.timeout, absl::Seconds(10));
  EXPECT_EQ(product.redirect.host, "127.0.0.1");
  EXPECT_EQ(product.redirect.path, "/callback");
  EXPECT_THAT(product.redirect.ports, IsEmpty());
  EXPECT_TRUE(std::holds_alternative<NoApplicationsConfig>(product.applications));
  EXPECT_TRUE(std::holds_alternative<NoSinkConfig>(product.sink));
  EXPECT_EQ(config->limits.expiry, absl::Minutes(30));
  EXPECT_EQ(config->limits.browser_wait, absl::Minutes(10));
  EXPECT_EQ(config->limits.exchange, absl::Seconds(30));
  EXPECT_EQ(config->limits.grace, absl::Seconds(60));
  EXPECT_EQ(config->retention, absl::Hours(30 * 24));
}

TEST(ConfigTest, EverythingSetIsRead) {
  WriteFile("secret.txt", "s3cret\n");
  setenv("AUTHFLOW_TEST_KEY", "key", 1);
  const auto config = Parse(R"(
    products {
      id: "a-b_1" display_name: "A B"
      provider {
        endpoints { authorization: "https://a/authorize?x=1" token: "https://a/token" userinfo: "https://a/me" }
        client_id: "c" client_authentication: CLIENT_AUTHENTICATION_CLIENT_SECRET_POST
        client_secret { file: "secret.txt" }
        scopes: "read" scopes: "write"
        parameters { kind: FLOW_KIND_SIGNUP place: PARAMETER_PLACE_AUTHORIZATION name: "prompt" value: "create" }
        parameters { place: PARAMETER_PLACE_TOKEN name: "audience" value: "x y" }
        identity { source: IDENTITY_SOURCE_TOKEN_RESPONSE_USER email: "mail" }
        timeout { nanos: 500000000 } access_token_audience: "https://api"
      }
      redirect { path: "/cb" ports: [1, 65535] uris: "com.example:/cb" host: "localhost" }
      applications { local { regions: ["eu", "us-1"] } }
      sink { segment { endpoint: "http://127.0.0.1:9/base" write_key { environment: "AUTHFLOW_TEST_KEY" } } }
    }
    products { id: "two" provider { issuer: "http://localhost:1/x" client_id: "c" }
               applications { none {} } sink { file { path: "x/events.jsonl" } } }
    flow_limits { expiry { seconds: 60 } exchange { seconds: 5 } })");
  ASSERT_TRUE(config.ok()) << config.status();
  const ProductConfig& product = config->products[0];
  EXPECT_EQ(product.display_name, "A B");
  EXPECT_EQ(product.provider.endpoints.authorization, "https://a/authorize?x=1");
  EXPECT_EQ(product.provider.client_secret.Reveal(), "s3cret");
  EXPECT_THAT(product.provider.scopes, ElementsAre("read", "write"));
  ASSERT_EQ(product.provider.parameters.size(), 2u);
  EXPECT_EQ(product.provider.parameters[0].kind, v1::FLOW_KIND_SIGNUP);
  EXPECT_EQ(product.provider.parameters[1].place, OidcParameter::Place::kToken);
  EXPECT_EQ(product.provider.parameters[1].value, "x y");
  EXPECT_EQ(product.provider.identity.user_id, "id");
  EXPECT_EQ(product.provider.identity.email, "mail");
  EXPECT_EQ(product.provider.timeout, absl::Milliseconds(500));
  EXPECT_THAT(product.redirect.ports, ElementsAre(1, 65535));
  EXPECT_THAT(std::get<LocalApplicationsConfig>(product.applications).regions, ElementsAre("eu", "us-1"));
  EXPECT_EQ(std::get<SegmentSinkConfig>(product.sink).write_key.Reveal(), "key");
  EXPECT_EQ(std::get<SegmentSinkConfig>(product.sink).timeout, absl::Seconds(30));
  EXPECT_EQ(std::get<FileSinkConfig>(config->products[1].sink).path, "x/events.jsonl");
  EXPECT_EQ(config->limits.browser_wait, absl::Minutes(1));  // never longer than the whole
}

struct Bad {
  std::string text;
  std::string line;  // what one line of the message begins with
};

TEST(ConfigTest, EachProblemHasItsPath) {
  WriteFile("empty.txt", "\n");
  WriteFile("two_lines.txt", "one\ntwo\n");
  unsetenv("AUTHFLOW_TEST_UNSET");
  const auto provider = [](const std::string& more) { return Product(std::string(kProvider) + " " + more); };
  const auto confidential = [&](const std::string& secret) {
    return provider("client_authentication: CLIENT_AUTHENTICATION_CLIENT_SECRET_BASIC client_secret { " + secret +
                    " }");
  };
  const auto redirect = [](const std::string& redirect) { return Product(kProvider, "redirect { " + redirect + " }"); };
  const auto sink = [](const std::string& sink) { return Product(kProvider, "", "none {}", sink); };
  const auto segment = [&](const std::string& more) {
    return sink("segment { write_key { environment: \"PATH\" } " + more + " }");
  };
  const std::vector<Bad> cases = {
      {"", "products: needs at least one"},
      {"products {", "test.conf:1:11: "},
      {"\n  nonsense: 1", "test.conf:2:"},
      {Product() + Product(), "products[1].id: is that of products[0] as well"},
      {Product(kProvider, "", "none {}", "none {}", "Tool"), "products[0].id: must be 1 to 32"},
      {Product(kProvider, "", "none {}", "none {}", "-a"), "products[0].id: must be 1 to 32"},
      {Product(kProvider, "", "none {}", "none {}", std::string(33, 'a')), "products[0].id: must be 1 to 32"},
      {Product(kProvider, "display_name: \"a\\nb\""), "products[0].display_name: "},
      {"products { id: \"a\" }", "products[0].provider: required"},
      {"products { id: \"a\" }", "products[0].applications: needs one of"},
      {"products { id: \"a\" }", "products[0].sink: needs one of"},
      {Product("client_id: \"c\""), "products[0].provider.issuer: required"},
      {Product("issuer: \"ftp://a\" client_id: \"c\""), "products[0].provider.issuer: must be an https URL"},
      {Product("issuer: \"http://a\" client_id: \"c\""), "products[0].provider.issuer: must be an https URL"},
      {Product("issuer: \"http://127.0.0.1.evil.com\" client_id: \"c\""),
       "products[0].provider.issuer: must be an https"},
      {Product("issuer: \"https://\" client_id: \"c\""), "products[0].provider.issuer: has no host"},
      {Product("issuer: \"https://u:SECRET@a\" client_id: \"c\""), "products[0].provider.issuer: must not have a user"},
      {Product("issuer: \"https://a?x=1\" client_id: \"c\""), "products[0].provider.issuer: must not have a query"},
      {Product("issuer: \"https://a#x\" client_id: \"c\""), "products[0].provider.issuer: must not have a fragment"},
      {Product("issuer: \"https://a b\" client_id: \"c\""), "products[0].provider.issuer: must not have spaces"},
      {Product("issuer: \"https://a\""), "products[0].provider.client_id: required"},
      {Product("issuer: \"https://a\" client_id: \"a b\""), "products[0].provider.client_id: must be printable"},
      {Product("endpoints { token: \"https://a\" } client_id: \"c\""),
       "products[0].provider.endpoints.authorization: required"},
      {Product("endpoints { authorization: \"https://a\" } client_id: \"c\""),
       "products[0].provider.endpoints.token: required"},
      {Product("endpoints { authorization: \"https://a\" token: \"https://a\" } client_id: \"c\""),
       "products[0].provider.endpoints.userinfo: required"},
      {provider("endpoints { jwks: \"http://a\" }"), "products[0].provider.endpoints.jwks: must be an https URL"},
      {provider("client_authentication: 9"), "products[0].provider.client_authentication: unknown value"},
      {provider("client_authentication: CLIENT_AUTHENTICATION_CLIENT_SECRET_BASIC"),
       "products[0].provider.client_secret: required"},
      {provider("client_secret { file: \"x\" }"), "products[0].provider.client_secret: is never sent"},
      {confidential(""), "products[0].provider.client_secret: needs one of file and environment"},
      {confidential("file: \"\""), "products[0].provider.client_secret.file: needs the name"},
      {confidential("file: \"absent\""), "products[0].provider.client_secret.file: cannot read "},
      {confidential("file: \"empty.txt\""), "products[0].provider.client_secret.file: "},
      {confidential("file: \"two_lines.txt\""), "products[0].provider.client_secret.file: "},
      {confidential("environment: \"AUTHFLOW_TEST_UNSET\""),
       "products[0].provider.client_secret.environment: the environment variable AUTHFLOW_TEST_UNSET is not set"},
      {provider("scopes: \"email\""), "products[0].provider.scopes: must have \"openid\""},
      {provider("scopes: \"openid\" scopes: \"a b\""), "products[0].provider.scopes[1]: not a scope"},
      {provider("scopes: \"openid\" scopes: \"openid\""), "products[0].provider.scopes[1]: stands here twice"},
      {provider("parameters { name: \"a\" }"), "products[0].provider.parameters[0].place: must be"},
      {provider("parameters { place: PARAMETER_PLACE_TOKEN }"), "products[0].provider.parameters[0].name: required"},
      {provider("parameters { place: PARAMETER_PLACE_TOKEN name: \"state\" }"),
       "products[0].provider.parameters[0].name: state is set by the server"},
      {provider("parameters { place: PARAMETER_PLACE_TOKEN name: \"a\" kind: 9 }"),
       "products[0].provider.parameters[0].kind: unknown value"},
      {provider("parameters { place: PARAMETER_PLACE_TOKEN name: \"a\" } "
                "parameters { place: PARAMETER_PLACE_TOKEN name: \"a\" }"),
       "products[0].provider.parameters[1]: stands here twice"},
      {Product("endpoints { authorization: \"https://a\" token: \"https://a\" } client_id: \"c\" "
               "identity { source: IDENTITY_SOURCE_ID_TOKEN }"),
       "products[0].provider.identity.source: an id_token can only be checked with an issuer"},
      {provider("identity { source: 9 }"), "products[0].provider.identity.source: unknown value"},
      {provider("ca_file: \"absent.pem\""), "products[0].provider.ca_file: cannot read "},
      {provider("timeout { seconds: 61 }"), "products[0].provider.timeout: must be from 100ms to 1m"},
      {provider("timeout { nanos: 1 }"), "products[0].provider.timeout: must be from 100ms to 1m"},
      {provider("access_token_audience: \"a b\""), "products[0].provider.access_token_audience: "},
      {redirect("path: \"callback\""), "products[0].redirect.path: must begin"},
      {redirect("path: \"/a?b\""), "products[0].redirect.path: must begin"},
      {redirect("host: \"example.com\""), "products[0].redirect.host: must be"},
      {redirect("ports: 0"), "products[0].redirect.ports[0]: must be from 1 to 65535"},
      {redirect("ports: [1, 1]"), "products[0].redirect.ports[1]: stands here twice"},
      {redirect("uris: \"/relative\""), "products[0].redirect.uris[0]: must be an absolute URI"},
      {redirect("uris: \"a:b#c\""), "products[0].redirect.uris[0]: must be an absolute URI"},
      {redirect("uris: [\"a:b\", \"a:b\"]"), "products[0].redirect.uris[1]: stands here twice"},
      {Product(kProvider, "", ""), "products[0].applications: needs one of local and none"},
      {Product(kProvider, "", "local {}"), "products[0].applications.local.regions: needs at least one"},
      {Product(kProvider, "", "local { regions: \"E U\" }"), "products[0].applications.local.regions[0]: must be"},
      {Product(kProvider, "", "local { regions: [\"a\", \"a\"] }"),
       "products[0].applications.local.regions[1]: stands here twice"},
      {sink(""), "products[0].sink: needs one of segment, file and none"},
      {sink("file {}"), "products[0].sink.file.path: required"},
      {sink("file { path: \"/etc/x\" }"), "products[0].sink.file.path: must be relative"},
      {sink("file { path: \"a/../../x\" }"), "products[0].sink.file.path: must stay in the data folder"},
      {Product(kProvider, "", "none {}", "file { path: \"x\" }") +
           Product(kProvider, "", "none {}", "file { path: \"./x\" }", "other"),
       "products[1].sink.file.path: is that of products[0] as well"},
      {sink("segment {}"), "products[0].sink.segment.write_key: required"},
      {segment("endpoint: \"http://a\""), "products[0].sink.segment.endpoint: must be an https URL"},
      {segment("timeout { seconds: 121 }"), "products[0].sink.segment.timeout: must be from 1s to 2m"},
      {segment("ca_file: \"absent.pem\""), "products[0].sink.segment.ca_file: cannot read "},
      {Product() + "flow_limits { expiry { seconds: 59 } }", "flow_limits.expiry: must be from 1m to 24h"},
      {Product() + "flow_limits { expiry { seconds: 60 } browser_wait { seconds: 61 } }",
       "flow_limits.browser_wait: must be from 1s to 1m"},
      {Product() + "flow_limits { exchange { seconds: 121 } }", "flow_limits.exchange: must be from 1s to 2m"},
      {Product() + "flow_limits { grace { seconds: 601 } }", "flow_limits.grace: must be from 1s to 10m"},
      {Product() + "retention { finished_flows { seconds: 604799 } }",
       "retention.finished_flows: must be from 168h to 87600h"},
  };
  for (const auto& [text, line] : cases) {
    SCOPED_TRACE(text);
    const auto config = Parse(text);
    ASSERT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT("\n" + std::string(config.status().message()), HasSubstr("\n" + line));
    EXPECT_THAT(std::string(config.status().message()), Not(HasSubstr("SECRET")));
  }
}

TEST(ConfigTest, AllProblemsAreToldAtOnce) {
  const auto config = Parse("products { id: \"A\" } flow_limits { exchange {} }");
  const std::string message(config.status().message());
  for (const char* path : {"products[0].id", "products[0].provider", "products[0].applications", "products[0].sink",
                           "flow_limits.exchange"}) {
    EXPECT_THAT(message, HasSubstr(path));
  }
}

TEST(ConfigTest, AMissingFileSaysHowToMakeOne) {
  const auto config = LoadConfig(Folder() + "/absent.conf");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("authflowd init"));
}

TEST(ConfigTest, SecretFilesAreRelativeToTheConfiguration) {
  WriteFile("secret2.txt", "s2\r\n");
  const std::string name =
      WriteFile("relative.conf",
                Product(std::string(kProvider) + " client_authentication: CLIENT_AUTHENTICATION_CLIENT_SECRET_BASIC"
                                                 " client_secret { file: \"secret2.txt\" }"));
  const auto config = LoadConfig(Folder() + "/" + name);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->products[0].provider.client_secret.Reveal(), "s2");
}

TEST(InitTextTest, IsAGoodConfiguration) {
  const auto config = Parse(InitText("https://id.example.com/realms/x", "my-\"client"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->products[0].provider.issuer, "https://id.example.com/realms/x");
  EXPECT_EQ(config->products[0].provider.client_id, "my-\"client");
  EXPECT_THAT(std::get<LocalApplicationsConfig>(config->products[0].applications).regions, ElementsAre("eu", "us"));
}

// Every commented field must be right as well: uncommented, the text still parses and is checked.
TEST(InitTextTest, CommentedFieldsAreFieldsToo) {
  setenv("AUTHFLOW_CLIENT_SECRET", "s", 1);
  WriteFile("ca.pem", "-");
  std::string text = InitText("https://id.example.com", "c");
  // Of segment and file only one can be set.
  const size_t file = text.find("    file {");
  text.erase(file, text.find('\n', file) - file);
  // Fields begin in lower case, sentences do not.
  const std::regex field("^ *# +([a-z_]+(:| \\{).*|\\})$");
  std::string uncommented;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, field)) line[line.find('#')] = ' ';
    uncommented += line + "\n";
  }
  setenv("AUTHFLOW_SEGMENT_WRITE_KEY", "k", 1);
  const auto config = Parse(uncommented);
  ASSERT_TRUE(config.ok()) << config.status() << uncommented;
  EXPECT_EQ(config->products[0].redirect.ports.size(), 2u);
  EXPECT_EQ(config->products[0].provider.parameters.size(), 1u);
  EXPECT_EQ(std::get<SegmentSinkConfig>(config->products[0].sink).write_key.Reveal(), "k");
}

}  // namespace
}  // namespace authflow
