#include "server/storage/entry_codec.h"

#include <utility>

#include "server/base/error_class.h"
#include "server/storage/record.pb.h"

namespace authflow {
namespace {

// One overload a kind: the row of what an entry says.
struct Encoder {
  EncodedEntry& row;

  void Put(EntryKind kind) { row.kind = kind; }
  void Put(EntryKind kind, const google::protobuf::MessageLite& message) {
    row.kind = kind;
    message.SerializeToString(&row.payload);
  }

  void operator()(const Started& started) {
    const Header& header = started.header;
    record::Started message;
    message.set_product(header.product);
    message.set_kind(header.kind);
    message.set_invocation(header.invocation.bytes.data(), header.invocation.bytes.size());
    message.set_claimed_user_id(header.claimed_user_id);
    message.set_redirect_uri(header.redirect_uri);
    message.set_no_browser(header.no_browser);
    message.set_tracked(header.tracked);
    message.set_key_name(header.key_name);
    message.set_start(absl::ToUnixMicros(header.start));
    message.set_expire(absl::ToUnixMicros(header.expire));
    message.set_browser_wait(absl::ToInt64Microseconds(header.browser_wait));
    Put(EntryKind::kStarted, message);
  }
  void operator()(const Attached&) { Put(EntryKind::kAttached); }
  void operator()(const Entered& entered) {
    record::Entered message;
    message.set_step(entered.step);
    message.set_attempt(entered.attempt);
    Put(EntryKind::kEntered, message);
  }
  void operator()(const ExchangeBegun& begun) {
    record::ExchangeBegun message;
    message.set_attempt(begun.attempt);
    message.set_code(begun.code);
    message.set_until(absl::ToUnixMicros(begun.until));
    Put(EntryKind::kExchangeBegun, message);
  }
  void operator()(const Exchanged& exchanged) {
    record::Exchanged message;
    message.set_user_id(exchanged.user_id);
    message.set_owner(exchanged.owner);
    Put(EntryKind::kExchanged, message);
  }
  void operator()(const CallFailed& failed) {
    record::CallFailed message;
    message.set_error_class(failed.error_class);
    message.set_way_left(failed.way_left);
    Put(EntryKind::kCallFailed, message);
  }
  void operator()(const CallOk&) { Put(EntryKind::kCallOk); }
  void operator()(const Ended& ended) {
    record::Ended message;
    if (std::holds_alternative<Completed>(ended.outcome)) {
      message.set_how(record::Ended::HOW_COMPLETED);
    } else if (const auto* aborted = std::get_if<Aborted>(&ended.outcome)) {
      message.set_how(record::Ended::HOW_ABORTED);
      message.set_reason(aborted->reason);
    } else {
      message.set_how(record::Ended::HOW_FAILED);
      message.set_error_class(std::get<Failed>(ended.outcome).error_class);
    }
    Put(EntryKind::kEnded, message);
  }
};

absl::Status Unreadable() {
  return Refusal(
      v1::ERROR_CLASS_STORE_UNAVAILABLE,
      "The store holds an entry that this server cannot read: it is damaged, or a newer authflowd wrote it.");
}

absl::StatusOr<What> DecodeStarted(const FlowId& flow_id, const std::string& payload) {
  record::Started message;
  if (!message.ParseFromString(payload)) return Unreadable();
  const auto invocation = Uuid::FromBytes(message.invocation());
  if (!invocation) return Unreadable();
  Started started;
  started.header = {.id = flow_id,
                    .product = message.product(),
                    .kind = message.kind(),
                    .invocation = *invocation,
                    .claimed_user_id = message.claimed_user_id(),
                    .redirect_uri = message.redirect_uri(),
                    .no_browser = message.no_browser(),
                    .tracked = message.tracked(),
                    .key_name = message.key_name(),
                    .start = absl::FromUnixMicros(message.start()),
                    .expire = absl::FromUnixMicros(message.expire()),
                    .browser_wait = absl::Microseconds(message.browser_wait())};
  return What(std::move(started));
}

absl::StatusOr<What> DecodeEnded(const std::string& payload) {
  record::Ended message;
  if (!message.ParseFromString(payload)) return Unreadable();
  switch (message.how()) {
    case record::Ended::HOW_COMPLETED:
      return What(Ended{Completed{}});
    case record::Ended::HOW_ABORTED:
      return What(Ended{Aborted{message.reason()}});
    case record::Ended::HOW_FAILED:
      return What(Ended{Failed{message.error_class()}});
    default:
      return Unreadable();
  }
}

absl::StatusOr<What> DecodeWhat(const FlowId& flow_id, EntryKind kind, const std::string& payload) {
  switch (kind) {
    case EntryKind::kStarted:
      return DecodeStarted(flow_id, payload);
    case EntryKind::kAttached:
      return What(Attached{});
    case EntryKind::kEntered: {
      record::Entered message;
      if (!message.ParseFromString(payload)) return Unreadable();
      return What(Entered{.step = message.step(), .attempt = message.attempt()});
    }
    case EntryKind::kExchangeBegun: {
      record::ExchangeBegun message;
      if (!message.ParseFromString(payload)) return Unreadable();
      return What(ExchangeBegun{
          .attempt = message.attempt(), .code = message.code(), .until = absl::FromUnixMicros(message.until())});
    }
    case EntryKind::kExchanged: {
      record::Exchanged message;
      if (!message.ParseFromString(payload)) return Unreadable();
      return What(Exchanged{.user_id = message.user_id(), .owner = message.owner()});
    }
    case EntryKind::kCallFailed: {
      record::CallFailed message;
      if (!message.ParseFromString(payload)) return Unreadable();
      return What(CallFailed{.error_class = message.error_class(), .way_left = message.way_left()});
    }
    case EntryKind::kCallOk:
      return What(CallOk{});
    case EntryKind::kEnded:
      return DecodeEnded(payload);
  }
  return Unreadable();
}

}  // namespace

EncodedEntry Encode(const Entry& entry) {
  EncodedEntry row{.number = entry.number, .time = absl::ToUnixMicros(entry.time)};
  std::visit(Encoder{row}, entry.what);
  return row;
}

absl::StatusOr<Entry> Decode(const FlowId& flow_id, const EncodedEntry& encoded) {
  auto what = DecodeWhat(flow_id, encoded.kind, encoded.payload);
  if (!what.ok()) return what.status();
  return Entry{.number = encoded.number, .time = absl::FromUnixMicros(encoded.time), .what = *std::move(what)};
}

}  // namespace authflow
