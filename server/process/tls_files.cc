#include "server/process/tls_files.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include "server/base/text.h"

namespace authflow {
namespace {

absl::Status Wrong(std::string_view flag, const std::string& file, std::string_view what) {
  ERR_clear_error();
  return absl::FailedPreconditionError(Cat(flag, " ", file, ": ", what));
}

absl::StatusOr<std::string> Read(std::string_view flag, const std::string& name) {
  errno = 0;
  std::ifstream file(name, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) return Wrong(flag, name, std::strerror(errno));
  return text;
}

}  // namespace

absl::StatusOr<TlsFiles> ReadTlsFiles(const std::string& certificate_file, const std::string& key_file) {
  TlsFiles files;
  if (certificate_file.empty()) return files;
  absl::StatusOr<std::string> certificate = Read("--tls-cert", certificate_file);
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<std::string> key = Read("--tls-key", key_file);
  if (!key.ok()) return key.status();
  files.certificate = *std::move(certificate);
  files.key = Secret(*std::move(key));

  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  // A key with a passphrase is refused instead of asking for it on the terminal.
  SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return -1; });
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    return Wrong("--tls-cert", certificate_file, "there is no certificate in PEM form in it");
  }
  // This compares as well: a key of another certificate has an error of its own.
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool other = ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509;
    return Wrong("--tls-key", key_file,
                 other ? "it is not the key of the certificate of --tls-cert"
                       : "there is no private key in PEM form, without a passphrase, in it");
  }
  return files;
}

}  // namespace authflow
