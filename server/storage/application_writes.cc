#include "server/storage/application_writes.h"

namespace authflow {
namespace {

constexpr char kSelectRequest[] =
    "SELECT application_id, name, region, created_at FROM applications WHERE product = ? AND owner = ? AND request = ?";
constexpr char kSelectName[] =
    "SELECT application_id, name, region, created_at FROM applications WHERE product = ? AND owner = ? AND name = ?";
constexpr char kInsert[] =
    "INSERT INTO applications (product, owner, request, application_id, name, region, created_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)";
constexpr char kSelectAfter[] =
    "SELECT application_id, name, region, created_at, position, request FROM applications "
    "WHERE product = ? AND owner = ? AND position > ? ORDER BY position LIMIT ?";

Application ReadRow(const Query& query) {
  return {.id = query.GetBytes(0),
          .name = query.GetBytes(1),
          .region = query.GetBytes(2),
          .create_time = absl::FromUnixMicros(query.GetInt(3))};
}

}  // namespace

absl::Status AddApplicationWrite::Apply(Database& database, int64_t) {
  result_ = {};
  const StoredApplication& wanted = application_;
  {
    Query same(database, kSelectRequest);
    if (same.Text(wanted.product).Blob(wanted.owner).Blob(wanted.request).Next()) {
      result_ = {.added = ApplicationStore::Added::kSameRequest, .application = ReadRow(same)};
    }
    if (!same.status().ok() || !result_.application.id.empty()) return same.status();
  }
  {
    Query taken(database, kSelectName);
    if (taken.Text(wanted.product).Blob(wanted.owner).Text(wanted.application.name).Next()) {
      result_ = {.added = ApplicationStore::Added::kNameTaken, .application = ReadRow(taken)};
    }
    if (!taken.status().ok() || !result_.application.id.empty()) return taken.status();
  }
  const int64_t created_at = absl::ToUnixMicros(wanted.application.create_time);
  Query insert(database, kInsert);
  insert.Text(wanted.product).Blob(wanted.owner).Blob(wanted.request).Text(wanted.application.id);
  const absl::Status status =
      insert.Text(wanted.application.name).Text(wanted.application.region).Int(created_at).Run();
  result_ = {.added = ApplicationStore::Added::kNew, .application = wanted.application};
  result_.application.create_time = absl::FromUnixMicros(created_at);
  return status;
}

void AddApplicationWrite::Finish(const absl::Status& status) {
  if (status.ok()) {
    done_(std::move(result_));
  } else {
    done_(status);
  }
}

absl::StatusOr<std::vector<StoredApplication>> ReadApplications(Database& database, const std::string& product,
                                                                const std::string& owner, int64_t after, int limit) {
  std::vector<StoredApplication> applications;
  Query query(database, kSelectAfter);
  query.Text(product).Blob(owner).Int(after).Int(limit);
  while (query.Next()) {
    applications.push_back({.position = query.GetInt(4),
                            .product = product,
                            .owner = owner,
                            .request = query.GetBytes(5),
                            .application = ReadRow(query)});
  }
  if (!query.status().ok()) return query.status();
  return applications;
}

}  // namespace authflow
