// The configuration that Envoy Gateway sends to the proxies of its Gateway: its own code over resources of a Kubernetes cluster that are
// in a file.
//
//	envoy_gateway RESOURCES.yaml ANSWER.json
//
// It does what `egctl experimental translate` does, and reads EndpointSlices as well, which that command does not.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	cachetypes "github.com/envoyproxy/go-control-plane/pkg/cache/types"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/encoding/protojson"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	egv1a1 "github.com/envoyproxy/gateway/api/v1alpha1"
	"github.com/envoyproxy/gateway/internal/gatewayapi"
	"github.com/envoyproxy/gateway/internal/gatewayapi/resource"
	"github.com/envoyproxy/gateway/internal/logging"
	"github.com/envoyproxy/gateway/internal/xds/translator"
)

// controllerNamespace is the namespace of Envoy Gateway itself.
const controllerNamespace = "envoy-gateway-system"

// answer is the content of ANSWER.json: Envoy's resources, and the resources of the cluster with their status.
type answer struct {
	Listeners        []json.RawMessage        `json:"listeners"`
	Routes           []json.RawMessage        `json:"routes"`
	Clusters         []json.RawMessage        `json:"clusters"`
	Endpoints        []json.RawMessage        `json:"endpoints"`
	Gateways         []*gwapiv1.Gateway       `json:"gateways"`
	HTTPRoutes       []*gwapiv1.HTTPRoute     `json:"httpRoutes"`
	SecurityPolicies []*egv1a1.SecurityPolicy `json:"securityPolicies"`
}

// load reads the resources of a cluster, each after its validation.
func load(text []byte) (*resource.Resources, error) {
	resources, err := resource.LoadResourcesFromYAMLBytes(text, false, nil)
	if err != nil {
		return nil, err
	}
	err = resource.IterYAMLBytes(text, func(document []byte) error {
		var slice discoveryv1.EndpointSlice
		if err := yaml.Unmarshal(document, &slice); err != nil {
			return err
		}
		if slice.Kind == "EndpointSlice" {
			resources.EndpointSlices = append(resources.EndpointSlices, &slice)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// The certificate by which its proxies connect to Envoy Gateway. It has to exist, and no proxy connects here.
	resources.Secrets = append(resources.Secrets, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "envoy", Namespace: controllerNamespace},
	})
	if resources.GatewayClass == nil {
		return nil, errors.New("no GatewayClass")
	}
	return resources, nil
}

func asJSON(messages []cachetypes.Resource) ([]json.RawMessage, error) {
	texts := make([]json.RawMessage, 0, len(messages))
	for _, message := range messages {
		text, err := protojson.Marshal(message)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func translate(resources *resource.Resources) (found answer, err error) {
	logger := logging.DefaultLogger(io.Discard, egv1a1.LogLevelError)
	gateways := gatewayapi.Translator{
		GatewayControllerName: string(resources.GatewayClass.Spec.ControllerName),
		GatewayClassName:      gwapiv1.ObjectName(resources.GatewayClass.Name),
		ControllerNamespace:   controllerNamespace,
		Logger:                logger,
	}
	result, err := gateways.Translate(context.Background(), resources)
	if err != nil {
		return found, err
	}
	found.Gateways, found.HTTPRoutes, found.SecurityPolicies = result.Gateways, result.HTTPRoutes, result.SecurityPolicies
	if len(result.XdsIR) != 1 {
		return found, fmt.Errorf("%d gateways in place of one", len(result.XdsIR))
	}
	for _, intermediate := range result.XdsIR {
		xds := translator.Translator{Logger: logger}
		table, err := xds.Translate(context.Background(), intermediate)
		if err != nil {
			return found, err
		}
		for kind, list := range map[string]*[]json.RawMessage{
			resourcev3.ListenerType: &found.Listeners,
			resourcev3.RouteType:    &found.Routes,
			resourcev3.ClusterType:  &found.Clusters,
			resourcev3.EndpointType: &found.Endpoints,
		} {
			if *list, err = asJSON(table.XdsResources[kind]); err != nil {
				return found, err
			}
		}
	}
	return found, nil
}

func run(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	resources, err := load(text)
	if err != nil {
		return err
	}
	found, err := translate(resources)
	if err != nil {
		return err
	}
	if text, err = json.Marshal(found); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: envoy_gateway RESOURCES.yaml ANSWER.json")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
