// Probes Gatepost with the packages that the kubelet probes with; prints the result and its reason.
//
//	kube-probe grpc HOST PORT SERVICE
//	kube-probe http URL
//	kube-probe version
package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"k8s.io/kubernetes/pkg/probe"
	grpcprobe "k8s.io/kubernetes/pkg/probe/grpc"
	httpprobe "k8s.io/kubernetes/pkg/probe/http"
)

// The `timeoutSeconds` of a probe that sets none.
const timeout = time.Second

// The version of the module that this client stands for.
func version() string {
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "k8s.io/kubernetes" {
			return module.Version
		}
	}
	return ""
}

func main() {
	if os.Args[1] == "version" {
		fmt.Println(version())
		return
	}
	result, reason, err := run(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(result, reason)
}

func run(kind string, arguments []string) (probe.Result, string, error) {
	if kind == "grpc" {
		port, err := strconv.Atoi(arguments[1])
		if err != nil {
			return probe.Unknown, "", err
		}
		return grpcprobe.New().Probe(arguments[0], arguments[2], port, timeout, grpcprobe.ProbeOptions{})
	}
	request, err := http.NewRequest(http.MethodGet, arguments[0], nil)
	if err != nil {
		return probe.Unknown, "", err
	}
	return httpprobe.New(false).Probe(request, timeout)
}
