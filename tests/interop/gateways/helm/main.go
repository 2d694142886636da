// The chart as Helm 3 renders it: the library with which `helm template` and `helm install` do it.
//
//	helm CHART REQUEST.json ANSWER.json
//
// The request is [values, …]. The answer is [{"error": text} or {"files": {name: text}}, …].
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

// rendered is what Helm made of one set of values.
type rendered struct {
	Error string            `json:"error,omitempty"`
	Files map[string]string `json:"files,omitempty"`
}

func render(chart *chart.Chart, values chartutil.Values) rendered {
	options := chartutil.ReleaseOptions{Name: "gatepost", Namespace: "auth", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, values, options, chartutil.DefaultCapabilities)
	if err != nil {
		return rendered{Error: err.Error()}
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return rendered{Error: err.Error()}
	}
	return rendered{Files: files}
}

func run(folder, from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var asked []chartutil.Values
	if err := json.Unmarshal(text, &asked); err != nil {
		return err
	}
	answer := make([]rendered, 0, len(asked))
	for _, values := range asked {
		// Rendering changes a chart, so each set of values gets its own.
		chart, err := loader.LoadDir(folder)
		if err != nil {
			return err
		}
		answer = append(answer, render(chart, values))
	}
	text, err = json.Marshal(answer)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: helm CHART REQUEST.json ANSWER.json")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
