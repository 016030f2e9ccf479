// Where this tool keeps its files (XDG Base Directory Specification 0.8).
#ifndef AUTHFLOW_CLIENT_CLI_FOLDERS_H_
#define AUTHFLOW_CLIENT_CLI_FOLDERS_H_

#include <string>

namespace authflow {

struct Folders {
  std::string config;  // $XDG_CONFIG_HOME/authflow: profiles
  std::string data;    // $XDG_DATA_HOME/authflow: tokens, the id of the installation
};

// From the environment; a relative path there is ignored, as the specification says. Empty paths: there is no home
// folder.
Folders FoldersFromEnvironment();

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_FOLDERS_H_
