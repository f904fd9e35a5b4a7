module domino-inference/test/toolchain/crds

go 1.26

// Nothing is compiled from it: the module carries the custom resource definitions, and `go mod tidy` would drop it.
require github.com/cert-manager/cert-manager v1.21.2
