"""C++ from .proto files with the system's protoc and gRPC plugin.

    authflow_cc_proto(
        name = "flow_cc_proto",
        srcs = ["flow.proto"],
        deps = ["//third_party/googleapis:status_cc_proto"],
    )

    authflow_cc_grpc(
        name = "flow_cc_grpc",
        srcs = ["flow.proto"],
        deps = [":flow_cc_proto"],
    )

Files under //protos and //third_party/googleapis are imported and included
relative to that folder ("authflow/v1/flow.proto", "authflow/v1/flow.pb.h"),
all others relative to the workspace. google/protobuf/*.proto needs no dep.
Each target NAME has a filegroup NAME_protos: its .proto files and all that they
import.
"""

# Folders that are import roots, and the target that puts each on the include path.
_ROOTS = {
    "protos": "//protos:include_root",
    "third_party/googleapis": "//third_party/googleapis:include_root",
}

def _root():
    for root in _ROOTS:
        if (native.package_name() + "/").startswith(root + "/"):
            return root
    return None

def _protos_of(label):
    if ":" not in label:
        label += ":" + label.split("/")[-1]
    return label + "_protos"

def _generate(name, srcs, protos, suffix, flags):
    root = _root()
    outs = [src[:-len(".proto")] + suffix + ext for src in srcs for ext in (".cc", ".h")]
    native.genrule(
        name = name + "_generate",
        srcs = [protos],
        outs = outs,
        cmd = " ".join([
            # An import root without files in the sandbox would be a warning.
            "mkdir -p " + " ".join(_ROOTS.keys()) + " &&",
            "protoc",
        ] + ["-I" + r for r in _ROOTS.keys()] + [
            "-I.",
            "-I/usr/include",
            flags.format(out = "$(BINDIR)" + ("/" + root if root else "")),
        ] + [native.package_name() + "/" + src for src in srcs]),
        message = "Generating C++ for",
        visibility = ["//visibility:private"],
    )
    return outs

def _library(name, outs, deps, visibility, **kwargs):
    root = _root()
    native.cc_library(
        name = name,
        srcs = [out for out in outs if out.endswith(".cc")],
        hdrs = [out for out in outs if out.endswith(".h")],
        # Not our code: no warnings.
        copts = ["-w"],
        visibility = visibility,
        deps = deps + ([_ROOTS[root]] if root else []),
        **kwargs
    )

def authflow_cc_proto(name, srcs, deps = [], visibility = None, **kwargs):
    """Messages and enums: NAME.pb.h for each NAME.proto.

    Args:
      name: of the cc_library.
      srcs: .proto files of this package.
      deps: other authflow_cc_proto targets, for each import outside srcs.
      visibility: of the cc_library and its filegroup.
      **kwargs: passed to cc_library (testonly, tags, ...).
    """
    native.filegroup(
        name = name + "_protos",
        srcs = srcs + [_protos_of(dep) for dep in deps],
        visibility = visibility,
    )
    outs = _generate(name, srcs, name + "_protos", ".pb", "--cpp_out={out}")
    _library(name, outs, deps + ["@system//:protobuf"], visibility, **kwargs)

def authflow_cc_grpc(name, srcs, deps, visibility = None, **kwargs):
    """Services: NAME.grpc.pb.h for each NAME.proto.

    Args:
      name: of the cc_library.
      srcs: .proto files of this package that hold services.
      deps: the authflow_cc_proto targets of srcs and of what they import.
      visibility: of the cc_library.
      **kwargs: passed to cc_library (testonly, tags, ...).
    """
    native.filegroup(
        name = name + "_protos",
        srcs = srcs + [_protos_of(dep) for dep in deps],
        visibility = visibility,
    )
    outs = _generate(
        name,
        srcs,
        name + "_protos",
        ".grpc.pb",
        "--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin --grpc_out={out}",
    )
    _library(name, outs, deps + ["@system//:grpc"], visibility, **kwargs)
