// Asks Gatepost about one request with go-control-plane's generated client, and prints the answer as JSON.
//
//	envoy-check ADDRESS URL [NAME=VALUE...]
//	envoy-check version
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
)

// The version of the module that this client stands for.
func version() string {
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "github.com/envoyproxy/go-control-plane/envoy" {
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
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(address, target string, lines []string) error {
	parsed, err := url.Parse(target)
	if err != nil {
		return err
	}
	headers := map[string]string{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		headers[name] = value
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	deadline, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	peer := &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address: "192.0.2.7", PortSpecifier: &core.SocketAddress_PortValue{PortValue: 50000},
	}}}
	answer, err := auth.NewAuthorizationClient(connection).Check(deadline, &auth.CheckRequest{
		Attributes: &auth.AttributeContext{
			Source: &auth.AttributeContext_Peer{Address: peer},
			Request: &auth.AttributeContext_Request{Http: &auth.AttributeContext_HttpRequest{
				Id: "1", Method: "GET", Scheme: parsed.Scheme, Host: parsed.Host, Path: parsed.RequestURI(),
				Protocol: "HTTP/1.1", Headers: headers,
			}},
		},
	})
	if err != nil {
		return err
	}
	text, err := protojson.Marshal(answer)
	if err != nil {
		return err
	}
	fmt.Println(string(text))
	return nil
}
