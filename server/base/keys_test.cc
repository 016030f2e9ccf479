#include "server/base/keys.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "server/base/error_class.h"

namespace authflow {
namespace {

// Bytes `first`, `first` + 1, ...
Secret KeyFrom(int first) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes.push_back(static_cast<char>(first + i));
  return Secret(bytes);
}

Keys OneKey() { return Keys({KeyFrom(0)}); }
Keys OtherKey() { return Keys({KeyFrom(100)}); }
Keys Rotated() { return Keys({KeyFrom(100), KeyFrom(0)}); }

const Uuid kVersion7 = *Uuid::Parse("0190b5a0-1234-7abc-8def-0123456789ab");
const Uuid kVersion4 = *Uuid::Parse("9b2f1c52-7a3d-4e8f-a1b2-c3d4e5f60718");
const FlowId kFlow = *Uuid::Parse("0190b5a0-1234-835e-b269-c052d7e98362");

// The expected values were computed with another implementation of HMAC: a change here would orphan every running flow.
TEST(KeysTest, ValuesAreThoseOfHkdfUnderTheKey) {
  const Keys keys = OneKey();
  EXPECT_EQ(keys.current_key_name(), 0x22b088c3u);
  EXPECT_EQ(keys.DeriveFlowId("acme", kVersion7), kFlow);
  EXPECT_EQ(keys.DeriveFlowId("acme", kVersion4).ToString(), "28c77b8c-7570-8951-bcaa-18fb645f1eb3");
  EXPECT_EQ(keys.MakeFlowToken(kFlow).Reveal(),
            "af1_IrCIwwGQtaASNINesmnAUtfpg2KD9XapS5dptPeK5_nYLo4XoFhoB7OaQCrkzQQ-8e0yzw");
  const AttemptSecrets attempt = keys.DeriveAttempt(keys.current_key_name(), kFlow, 2);
  EXPECT_EQ(attempt.state.Reveal(), "_EIWxb0eoS16eH1A6ihAdM9iAEKUF-LqzHMnzxhKff8");
  EXPECT_EQ(attempt.nonce.Reveal(), "5tRaX7wm_c8a7Xdfk6MvdUlGqHT3bDHSQkv-oyWR0VE");
  EXPECT_EQ(attempt.code_verifier.Reveal(), "mo0mnDPiYKalFzOAy8p2je7yMgDVb003D0zpHnZAN78");
  EXPECT_EQ(keys.Fingerprint("code", "abc"),
            std::string("\x8c\x57\xbb\x67\x50\x48\x04\xf3\x90\x03\x80\x55\xf7\xf9\xcf\xca"));
}

TEST(KeysTest, AFlowIdDependsOnKeyProductAndRequest) {
  const std::set<FlowId> ids = {OneKey().DeriveFlowId("acme", kVersion7), OtherKey().DeriveFlowId("acme", kVersion7),
                                OneKey().DeriveFlowId("acme2", kVersion7), OneKey().DeriveFlowId("acme", kVersion4)};
  EXPECT_EQ(ids.size(), 4u);
  for (const FlowId& id : ids) EXPECT_EQ(id.version(), 8);
}

TEST(KeysTest, PossibleFlowIdsHaveOneForEachKeyTheCurrentFirst) {
  EXPECT_EQ(
      Rotated().PossibleFlowIds("acme", kVersion7),
      (std::vector<FlowId>{OtherKey().DeriveFlowId("acme", kVersion7), OneKey().DeriveFlowId("acme", kVersion7)}));
}

TEST(KeysTest, ATokenOpensUnderEveryKeyOfTheServerAndNoOther) {
  const Secret token = OneKey().MakeFlowToken(kFlow);
  ASSERT_TRUE(Rotated().OpenFlowToken(token.Reveal()).ok());
  EXPECT_EQ(Rotated().OpenFlowToken(token.Reveal())->flow_id(), kFlow);
  EXPECT_EQ(ClassOf(OtherKey().OpenFlowToken(token.Reveal()).status()), v1::ERROR_CLASS_FLOW_TOKEN_INVALID);
}

TEST(KeysTest, ATokenChangedInAnyCharacterIsInvalid) {
  const Keys keys = OneKey();
  const std::string token = keys.MakeFlowToken(kFlow).Reveal();
  for (size_t i = 0; i < token.size(); ++i) {
    for (const char c : std::string("AZz9_-=. ")) {
      if (token[i] == c) continue;
      std::string changed = token;
      changed[i] = c;
      EXPECT_EQ(ClassOf(keys.OpenFlowToken(changed).status()), v1::ERROR_CLASS_FLOW_TOKEN_INVALID) << i << c;
    }
  }
  for (const std::string& wrong : {std::string(), std::string("af1_"), token.substr(0, token.size() - 1), token + "A",
                                   token + "==", token + std::string(100000, 'A')}) {
    EXPECT_EQ(ClassOf(keys.OpenFlowToken(wrong).status()), v1::ERROR_CLASS_FLOW_TOKEN_INVALID);
  }
}

TEST(KeysTest, SecretsOfAnAttemptDifferByKindFlowAndAttempt) {
  const Keys keys = OneKey();
  std::set<std::string> seen;
  for (const FlowId& flow : {kFlow, kVersion4}) {
    for (int attempt = 1; attempt <= 3; ++attempt) {
      const AttemptSecrets secrets = keys.DeriveAttempt(keys.current_key_name(), flow, attempt);
      for (const Secret& secret : {secrets.state, secrets.nonce, secrets.code_verifier}) {
        EXPECT_EQ(secret.Reveal().size(), 43u);
        seen.insert(secret.Reveal());
      }
    }
  }
  EXPECT_EQ(seen.size(), 18u);
}

TEST(KeysTest, AnAttemptSurvivesARotation) {
  const uint32_t name = OneKey().current_key_name();
  EXPECT_TRUE(OneKey().DeriveAttempt(name, kFlow, 1).state == Rotated().DeriveAttempt(name, kFlow, 1).state);
  EXPECT_FALSE(OneKey().DeriveAttempt(name, kFlow, 1).state ==
               Rotated().DeriveAttempt(Rotated().current_key_name(), kFlow, 1).state);
}

TEST(KeysTest, FingerprintsDifferByPurpose) {
  EXPECT_EQ(OneKey().Fingerprint("code", "abc").size(), 16u);
  EXPECT_NE(OneKey().Fingerprint("code", "abc"), OneKey().Fingerprint("codea", "bc"));
  EXPECT_NE(OneKey().Fingerprint("code", "abc"), OtherKey().Fingerprint("code", "abc"));
}

TEST(KeysTest, ASealOpensOnlyWithItsKeyAndContext) {
  const std::string sealed = OneKey().Seal("a@example.com", "flow 1");
  EXPECT_EQ(sealed.find("example"), std::string::npos);
  EXPECT_NE(sealed, OneKey().Seal("a@example.com", "flow 1"));
  EXPECT_EQ(*OneKey().Open(sealed, "flow 1"), "a@example.com");
  EXPECT_EQ(*Rotated().Open(sealed, "flow 1"), "a@example.com");
  EXPECT_EQ(OneKey().Open(sealed, "flow 2").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OtherKey().Open(sealed, "flow 1").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(*OneKey().Open(OneKey().Seal("", ""), ""), "");
}

TEST(KeysTest, ASealChangedInAnyByteDoesNotOpen) {
  const std::string sealed = OneKey().Seal("plain", "context");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(OneKey().Open(changed, "context").ok()) << i;
    EXPECT_FALSE(OneKey().Open(sealed.substr(0, i), "context").ok()) << i;
  }
}

TEST(KeysTest, ManyThreadsDeriveAtOnce) {
  const Keys keys = OneKey();
  const std::string expected = keys.MakeFlowToken(kFlow).Reveal();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) EXPECT_EQ(keys.MakeFlowToken(kFlow).Reveal(), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace authflow
