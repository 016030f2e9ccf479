"""System libraries as Bazel targets: @system//:grpc, @system//:sqlite3, ...

Headers are in the compiler's own search path, so a target is no more than the
defines and the linker flags that pkg-config reports.

gRPC, Protobuf and Abseil are linked into the binaries: see
docs/decisions/0014-what-a-binary-carries.md.
"""

# Target: (pkg-config modules, the Debian package that brings them).
_PKG_CONFIG = {
    "absl": ([
        "absl_base",
        "absl_bind_front",
        "absl_btree",
        "absl_cleanup",
        "absl_cord",
        "absl_flat_hash_map",
        "absl_flat_hash_set",
        "absl_function_ref",
        "absl_hash",
        "absl_inlined_vector",
        "absl_node_hash_map",
        "absl_numeric",
        "absl_random_bit_gen_ref",
        "absl_random_random",
        "absl_span",
        "absl_status",
        "absl_statusor",
        "absl_str_format",
        "absl_strings",
        "absl_synchronization",
        "absl_time",
        "absl_variant",
    ], "libabsl-dev"),
    "cli11": (["CLI11"], "libcli11-dev"),
    "curl": (["libcurl"], "libcurl4-openssl-dev"),
    "grpc": (["grpc++", "protobuf"], "libgrpc++-dev"),
    "gtest": (["gmock", "gtest"], "libgmock-dev"),
    "httplib": (["cpp-httplib"], "libcpp-httplib-dev"),
    "nlohmann_json": (["nlohmann_json"], "nlohmann-json3-dev"),
    "openssl": (["libssl", "libcrypto"], "libssl-dev"),
    "prometheus": (["prometheus-cpp-core"], "prometheus-cpp-dev"),
    "protobuf": (["protobuf"], "libprotobuf-dev"),
    "spdlog": (["spdlog", "fmt"], "libspdlog-dev"),
    "sqlite3": (["sqlite3"], "libsqlite3-dev"),
}

# Beginnings of the names of the libraries that a binary carries.
_CARRIED = ("absl_", "address_sorting", "gpr", "grpc", "protobuf", "re2", "upb")

_BUILD = """
package(default_visibility = ["//visibility:public"])

# ThreadSanitizer tells code that it does not know by its shared library.
config_setting(
    name = "sanitizer",
    define_values = {"sanitizer": "on"},
)

cc_library(
    name = "boost_asio",
    linkopts = ["-pthread"],
)

# Registers itself when it is loaded; nothing refers to its symbols.
cc_library(
    name = "grpc_reflection",
    linkopts = select({
        ":sanitizer": [
            "-Wl,--push-state,--no-as-needed",
            "-lgrpc++_reflection",
            "-Wl,--pop-state",
        ],
        "//conditions:default": [
            "-Wl,--whole-archive",
            "-l:libgrpc++_reflection.a",
            "-Wl,--no-whole-archive",
        ],
    }),
    deps = [":grpc"],
)

# An allocator for programs with many threads, as cc_binary's malloc. By its file: the headers,
# which nobody needs, come with much else.
cc_library(
    name = "tcmalloc",
    linkopts = [
        "-Wl,--push-state,--no-as-needed",
        "-l:libtcmalloc_minimal.so.4",
        "-Wl,--pop-state",
    ],
)

# GoogleTest with a main function; "gtest" has none.
cc_library(
    name = "gtest_main",
    linkopts = ["-lgmock_main"],
    deps = [":gtest"],
)
"""

_LIBRARY = """
cc_library(
    name = {name},
    defines = {defines},
    linkopts = select({{
        ":sanitizer": {shared},
        "//conditions:default": {carried},
    }}),
)
"""

def _pkg_config(ctx, modules, package):
    result = ctx.execute(["pkg-config", "--cflags", "--libs"] + modules)
    if result.return_code != 0:
        fail("pkg-config does not find %s (Debian package %s): run scripts/setup. It said: %s" %
             (" ".join(modules), package, result.stderr))
    return [flag for flag in result.stdout.strip().split(" ") if flag]

def _linkopts(libraries):
    # Only what a binary uses: gRPC alone names some seventy libraries. A group: archives know no order among targets.
    if not libraries:
        return []
    return ["-Wl,--push-state,--as-needed", "-Wl,--start-group"] + libraries + ["-Wl,--end-group", "-Wl,--pop-state"]

def _carried(flag):
    return "-l:lib%s.a" % flag[2:] if flag.startswith("-l") and flag[2:].startswith(_CARRIED) else flag

def _system_libraries_impl(ctx):
    if not ctx.which("pkg-config"):
        fail("pkg-config is missing: run scripts/setup")
    if not ctx.path("/usr/include/boost/asio/awaitable.hpp").exists:
        fail("Boost.Asio with coroutines is missing (Debian package libboost1.81-dev): run scripts/setup")

    build = _BUILD
    for name, (modules, package) in sorted(_PKG_CONFIG.items()):
        defines = []
        libraries = []
        for flag in _pkg_config(ctx, modules, package):
            if flag.startswith("-D") and flag[2:] not in defines:
                defines.append(flag[2:])
            elif (flag.startswith("-l") or flag == "-pthread") and flag not in libraries:
                libraries.append(flag)

        build += _LIBRARY.format(
            name = repr(name),
            defines = repr(defines),
            shared = repr(_linkopts(libraries)),
            carried = repr(_linkopts([_carried(flag) for flag in libraries])),
        )
    ctx.file("BUILD.bazel", build)

system_libraries = repository_rule(
    implementation = _system_libraries_impl,
    doc = "One cc_library for each system library that pkg-config knows.",
    configure = True,
    environ = ["PKG_CONFIG_PATH"],
    local = True,
)
