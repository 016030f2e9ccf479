#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "absl/synchronization/notification.h"
#include "server/base/http/http_client.h"
#include "server/base/http/raw_server.h"
#include "tests/support/run_task.h"

namespace authflow {
namespace {

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Reads one request, answers with the bytes given, closes.
std::function<void(RawConnection&)> Answering(std::string bytes) {
  return [bytes](RawConnection& connection) {
    connection.ReadRequest();
    connection.Write(bytes);
  };
}

HttpRequest Get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

HttpRequest Post(std::string url, std::string body) {
  HttpRequest request = Get(std::move(url));
  request.method = "POST";
  request.body = Secret(std::move(body));
  return request;
}

absl::StatusOr<HttpResponse> Send(HttpRequest request) {
  const auto client = NewCurlHttpClient(1);
  auto future = boost::asio::co_spawn(TestExecutor(), client->Send(std::move(request)), boost::asio::use_future);
  return future.get();
}

TEST(HttpClientTest, AnyStatusIsAValue) {
  for (const int status : {200, 204, 302, 400, 404, 429, 500, 503, 599}) {
    const RawServer server(Answering("HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: 0\r\n\r\n"));
    const auto response = Send(Get(server.Url("/")));
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, status);
  }
}

TEST(HttpClientTest, HeaderNamesComeInLowerCaseAndRedirectsStay) {
  const RawServer server(
      Answering("HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"
                "HTTP/1.1 302 Found\r\nLOCATION: /other\r\nX-A: 1\r\nx-a:  2 \r\n"
                "Content-Length: 3\r\n\r\nabc"));
  const auto response = Send(Get(server.Url("/")));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->Header("location"), "/other");
  EXPECT_EQ(response->Header("x-a"), "1");
  EXPECT_EQ(response->Header("x-early"), "");
  EXPECT_EQ(response->Header("absent"), "");
  EXPECT_EQ(response->body.Reveal(), "abc");
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClientTest, ARequestArrivesAsItWasGiven) {
  std::promise<std::string> seen;
  const RawServer server([&](RawConnection& connection) {
    seen.set_value(connection.ReadRequest());
    connection.Write(kOk);
  });
  HttpRequest request = Post(server.Url("/token?a=b"), std::string("x=1&y=\0z", 8));
  request.headers = {{"Accept", "application/json"}, {"X-Empty", ""}};
  request.authorization = Secret("Basic abc");
  ASSERT_TRUE(Send(std::move(request)).ok());
  const std::string text = seen.get_future().get();
  EXPECT_EQ(text.rfind("POST /token?a=b HTTP/1.1\r\n", 0), 0u) << text;
  for (const char* line : {"\r\nAccept: application/json\r\n", "\r\nX-Empty:", "\r\nAuthorization: Basic abc\r\n",
                           "\r\nContent-Length: 8\r\n", "\r\nContent-Type: application/x-www-form-urlencoded\r\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " in " << text;
  }
  EXPECT_EQ(text.find("Expect"), std::string::npos);
  EXPECT_EQ(text.substr(text.size() - 8), std::string("x=1&y=\0z", 8));
}

TEST(HttpClientTest, ConnectionsAreKept) {
  const RawServer server([](RawConnection& connection) {
    while (!connection.ReadRequest().empty()) connection.Write(kOk);
  });
  const auto client = NewCurlHttpClient(1);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Wait(client->Send(Get(server.Url("/")))).value_or(HttpResponse()).status == 200);
    EXPECT_TRUE(Wait(client->Send(Post(server.Url("/"), "a=b"))).value_or(HttpResponse()).status == 200);
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClientTest, ConnectionsOfABurstAreKeptForTheNext) {
  constexpr int kMany = 16;
  std::atomic<int> here = 0;
  absl::Notification first;
  absl::Notification second;
  const RawServer server([&](RawConnection& connection) {
    while (!connection.ReadRequest().empty()) {
      const int count = ++here;
      if (count == kMany) first.Notify();
      if (count == 2 * kMany + 1) second.Notify();
      if (count <= kMany) first.WaitForNotification();
      if (count > kMany + 1) second.WaitForNotification();
      connection.Write(kOk);
    }
  });
  const auto client = NewCurlHttpClient(1);
  for (const int count : {kMany, 1, kMany}) {
    std::vector<std::future<absl::StatusOr<HttpResponse>>> futures;
    for (int i = 0; i < count; ++i) {
      auto task = client->Send(Get(server.Url("/")));
      futures.push_back(boost::asio::co_spawn(TestExecutor(), std::move(task), boost::asio::use_future));
    }
    for (auto& future : futures) EXPECT_TRUE(future.get().ok());
  }
  EXPECT_EQ(server.connections(), kMany);
}

// The kept connection breaks after the second request has arrived: nobody knows whether it took effect.
TEST(HttpClientTest, APostIsNeverSentTwice) {
  std::atomic<int> posts = 0;
  const RawServer server([&](RawConnection& connection) {
    while (connection.ReadRequest().rfind("POST", 0) == 0) {
      if (++posts >= 2) return;
      connection.Write(kOk);
    }
  });
  const auto client = NewCurlHttpClient(1);
  EXPECT_TRUE(Wait(client->Send(Post(server.Url("/"), "code=1"))).ok());
  EXPECT_EQ(Wait(client->Send(Post(server.Url("/"), "code=2"))).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(posts, 2);
}

TEST(HttpClientTest, AClosedKeptConnectionIsReplaced) {
  const RawServer server(Answering(kOk));
  const auto client = NewCurlHttpClient(1);
  for (int i = 0; i < 3; ++i) {
    const auto response = Wait(client->Send(Get(server.Url("/"))));
    EXPECT_TRUE(response.ok()) << response.status();
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpClientTest, ABrokenWireIsUnavailable) {
  const std::function<void(RawConnection&)> broken[] = {
      [](RawConnection& connection) { connection.ReadRequest(); },
      [](RawConnection& connection) {
        connection.ReadRequest();
        connection.Reset();
      },
      Answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"),
      Answering("this is no HTTP at all\r\n\r\n"),
  };
  for (const auto& serve : broken) {
    const RawServer server(serve);
    const auto response = Send(Get(server.Url("/secret-path?token=secret")));
    EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable) << response.status();
  }
}

TEST(HttpClientTest, MessagesNameTheOriginAndNothingElse) {
  int port = 0;
  {
    const RawServer gone([](RawConnection&) {});
    port = gone.port();
  }
  HttpRequest request = Post("http://user:pass@127.0.0.1:" + std::to_string(port) + "/secret?token=secret", "secret");
  request.headers = {{"X", "secret"}};
  request.authorization = Secret("secret");
  const absl::Status status = Send(std::move(request)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  const std::string message(status.message());
  EXPECT_NE(message.find("http://127.0.0.1:" + std::to_string(port)), std::string::npos) << message;
  EXPECT_EQ(message.find("secret"), std::string::npos) << message;
  EXPECT_EQ(message.find("pass"), std::string::npos) << message;
}

TEST(HttpClientTest, TheTimeoutCoversTheWholeExchange) {
  const RawServer silent([](RawConnection& connection) { connection.WaitForEnd(); });
  const RawServer halting([](RawConnection& connection) {
    connection.ReadRequest();
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    connection.WaitForEnd();
  });
  for (const RawServer* server : {&silent, &halting}) {
    HttpRequest request = Get(server->Url("/"));
    request.timeout = absl::Milliseconds(50);
    EXPECT_EQ(Send(std::move(request)).status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  HttpRequest late = Get(silent.Url("/"));
  late.timeout = absl::ZeroDuration();
  EXPECT_EQ(Send(std::move(late)).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(HttpClientTest, AResponseLargerThanAllowedIsRefused) {
  const std::string body(1000, 'x');
  for (const std::string& answer : {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body,
                                    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body}) {
    for (const size_t allowed : {999, 1000}) {
      const RawServer server(Answering(answer));
      HttpRequest request = Get(server.Url("/"));
      request.max_response_bytes = allowed;
      const auto response = Send(std::move(request));
      EXPECT_EQ(response.status().code(),
                allowed < 1000 ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kOk);
    }
  }
  std::string headers = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100; ++i) headers += "X-" + std::to_string(i) + ": " + body + "\r\n";
  const RawServer server(Answering(headers + "\r\n"));
  EXPECT_EQ(Send(Get(server.Url("/"))).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(HttpClientTest, WhatIsNoHttpRequestIsInvalid) {
  for (const char* url :
       {"", "nonsense", "/path", "file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http://a b/"}) {
    EXPECT_EQ(Send(Get(url)).status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
  HttpRequest request = Get("http://127.0.0.1:1/");
  request.authorization = Secret("Bearer a\r\nX-Injected: 1");
  EXPECT_EQ(Send(std::move(request)).status().code(), absl::StatusCode::kInvalidArgument);
  HttpRequest put = Get("http://127.0.0.1:1/");
  put.method = "PUT";
  EXPECT_EQ(Send(std::move(put)).status().code(), absl::StatusCode::kInvalidArgument);
}

// A request that has arrived and gets no answer.
struct HangingRequest {
  HangingRequest() { arrived.WaitForNotification(); }

  absl::Notification arrived;
  const RawServer server{[this](RawConnection& connection) {
    connection.ReadRequest();
    arrived.Notify();
    connection.WaitForEnd();
  }};
  std::unique_ptr<HttpClient> client = NewCurlHttpClient(2);
  std::future<absl::StatusOr<HttpResponse>> answer =
      boost::asio::co_spawn(TestExecutor(), client->Send(Get(server.Url("/"))), boost::asio::use_future);
};

TEST(HttpClientTest, TheEndOfTheClientEndsWhatIsUnderWay) {
  HangingRequest hanging;
  hanging.client.reset();
  EXPECT_EQ(hanging.answer.get().status().code(), absl::StatusCode::kUnavailable);
}

TEST(HttpClientTest, StopEndsWhatIsUnderWayAndRefusesWhatComes) {
  HangingRequest hanging;
  hanging.client->Stop();
  EXPECT_EQ(hanging.answer.get().status().code(), absl::StatusCode::kUnavailable);
  for (int i = 0; i < 4; ++i) {
    const auto later = Wait(hanging.client->Send(Get(hanging.server.Url("/"))));
    EXPECT_EQ(later.status().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_EQ(hanging.server.connections(), 1);
  hanging.client->Stop();
}

// Their memory is used again: nothing of one request is to be seen in another.
TEST(HttpClientTest, ARequestLeavesNothingForTheNext) {
  std::string last;
  const RawServer server([&](RawConnection& connection) {
    for (std::string request = connection.ReadRequest(); !request.empty(); request = connection.ReadRequest()) {
      last = request;
      connection.Write(kOk);
    }
  });
  const auto client = NewCurlHttpClient(1);
  HttpRequest post = Post(server.Url("/first"), "code=1");
  post.authorization = Secret("Bearer secret");
  post.headers = {{"X-First", "1"}};
  post.max_response_bytes = 2;
  EXPECT_TRUE(Wait(client->Send(std::move(post))).ok());
  EXPECT_TRUE(Wait(client->Send(Get(server.Url("/second")))).ok());
  EXPECT_EQ(last.rfind("GET /second HTTP/1.1\r\n", 0), 0u) << last;
  for (const char* of_first : {"secret", "code=1", "X-First", "Content-"}) {
    EXPECT_EQ(last.find(of_first), std::string::npos) << last;
  }
}

TEST(HttpClientTest, ManyRequestsAreUnderWayAtOnce) {
  std::atomic<int> here = 0;
  absl::Notification all;
  const RawServer server([&](RawConnection& connection) {
    connection.ReadRequest();
    if (++here == 64) all.Notify();
    all.WaitForNotification();
    connection.Write(kOk);
  });
  const auto client = NewCurlHttpClient(2);
  std::vector<std::future<absl::StatusOr<HttpResponse>>> futures;
  for (int i = 0; i < 64; ++i) {
    futures.push_back(
        boost::asio::co_spawn(TestExecutor(), client->Send(Get(server.Url("/"))), boost::asio::use_future));
  }
  for (auto& future : futures) EXPECT_TRUE(future.get().ok());
}

}  // namespace
}  // namespace authflow
