// The configuration that Istio's control plane sends to one of its proxies: its own code (`istio.io/istio/pilot`) over resources of a
// Kubernetes cluster that are in memory.
//
//	istio REQUEST.json ANSWER.json
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/test"
)

// request is the content of REQUEST.json.
type request struct {
	// The operator's part of the mesh's settings, as YAML.
	MeshConfig string `json:"meshConfig"`
	// The resources of the cluster, as YAML documents.
	Resources string `json:"resources"`
	Proxy     struct {
		// `router` (a gateway), `sidecar` or `waypoint`.
		Type      model.NodeType    `json:"type"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
		// The address of its pod.
		Address string `json:"address"`
		// `NONE` where no iptables rules lead connections to it.
		InterceptionMode model.TrafficInterceptionMode `json:"interceptionMode"`
	} `json:"proxy"`
}

// answer is the content of ANSWER.json: Envoy's resources.
type answer struct {
	Listeners []json.RawMessage `json:"listeners"`
	Routes    []json.RawMessage `json:"routes"`
	Clusters  []json.RawMessage `json:"clusters"`
	Endpoints []json.RawMessage `json:"endpoints"`
}

// split gives Istio's own resources, which its validation reads, and all others, which the cluster's API reads.
func split(resources string) (istio, others string, err error) {
	for _, document := range strings.Split(resources, "\n---\n") {
		var head struct {
			APIVersion string `json:"apiVersion"`
		}
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			return "", "", fmt.Errorf("%w in %s", err, document)
		}
		group, _, _ := strings.Cut(head.APIVersion, "/")
		switch {
		case head.APIVersion == "":
		case strings.HasSuffix(group, ".istio.io"):
			istio += "\n---\n" + document
		default:
			others += "\n---\n" + document
		}
	}
	return istio, others, nil
}

func asJSON[T proto.Message](messages []T) []json.RawMessage {
	texts := make([]json.RawMessage, 0, len(messages))
	for _, message := range messages {
		text, err := protojson.Marshal(message)
		if err != nil {
			panic(err)
		}
		texts = append(texts, text)
	}
	return texts
}

func translate(asked request) (found answer, err error) {
	meshConfig, err := mesh.ApplyMeshConfigDefaults(asked.MeshConfig)
	if err != nil {
		return found, fmt.Errorf("meshConfig: %w", err)
	}
	istio, others, err := split(asked.Resources)
	if err != nil {
		return found, err
	}
	err = test.Wrap(func(t test.Failer) {
		server := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
			MeshConfig:             meshConfig,
			KubernetesObjectString: others,
			ConfigString:           istio,
		})
		labels := asked.Proxy.Labels
		proxy := server.SetupProxy(&model.Proxy{
			Type:            asked.Proxy.Type,
			ConfigNamespace: asked.Proxy.Namespace,
			Labels:          labels,
			IPAddresses:     []string{asked.Proxy.Address},
			Metadata: &model.NodeMetadata{
				Namespace:        asked.Proxy.Namespace,
				Labels:           labels,
				InterceptionMode: asked.Proxy.InterceptionMode,
				// As new as the control plane.
				IstioVersion: "1.99.0",
			},
		})
		listeners := server.Listeners(proxy)
		found = answer{
			Listeners: asJSON(listeners),
			Routes:    asJSON(server.RoutesFromListeners(proxy, listeners)),
			Clusters:  asJSON(server.Clusters(proxy)),
			Endpoints: asJSON(server.Endpoints(proxy)),
		}
	})
	return found, err
}

func run(from, to string) error {
	logging := log.DefaultOptions()
	logging.SetDefaultOutputLevel(log.DefaultScopeName, log.ErrorLevel)
	if err := log.Configure(logging); err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var asked request
	if err := json.Unmarshal(text, &asked); err != nil {
		return err
	}
	found, err := translate(asked)
	if err != nil {
		return err
	}
	text, err = json.Marshal(found)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: istio REQUEST.json ANSWER.json")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
