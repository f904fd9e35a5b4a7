module domino-inference/test/toolchain/crds

go 1.26

// Nothing is compiled from them: the modules carry custom resource definitions, and `go mod tidy` would drop them.
require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/kedacore/keda/v2 v2.20.2
	github.com/prometheus-operator/prometheus-operator v0.93.0
	sigs.k8s.io/lws v0.9.0
)
