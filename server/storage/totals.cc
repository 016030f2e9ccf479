#include "server/storage/totals.h"

namespace authflow {
namespace {

constexpr char kAdd[] =
    "INSERT INTO totals (product, kind, name, value) VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET value = value + excluded.value";

}  // namespace

absl::Status AddToTotal(Database& database, const std::string& product, v1::FlowKind kind, const char* name,
                        int64_t count) {
  if (count == 0) return absl::OkStatus();
  return Query(database, kAdd).Text(product).Int(kind).Text(name).Int(count).Run();
}

}  // namespace authflow
