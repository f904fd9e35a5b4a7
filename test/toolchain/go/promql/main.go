// Command promql answers PromQL queries over made-up series, by Prometheus' own engine.
//
// It reads a question in JSON from its input and writes the answers to its output: for each query the labels and values
// of the instant vector, or an error.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
)

type question struct {
	// Series in the notation of Prometheus' rule tests, such as `load 15s` and lines of a series and its values.
	Load string `json:"load"`
	// Moments in seconds after the first sample.
	AtSeconds int64    `json:"atSeconds"`
	Queries   []string `json:"queries"`
}

type sample struct {
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
}

type answer struct {
	Samples []sample `json:"samples"`
	Error   string   `json:"error,omitempty"`
}

// failing ends the program where the series cannot be read.
type failing struct{}

func (failing) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (failing) FailNow()                          { os.Exit(1) }

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	loaded := promqltest.LoadedStorage(failing{}, asked.Load)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute, EnableAtModifier: true})
	answers := make([]answer, 0, len(asked.Queries))
	for _, text := range asked.Queries {
		answers = append(answers, evaluate(engine, loaded, text, time.Unix(asked.AtSeconds, 0).UTC()))
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	loaded.Close()
}

func evaluate(engine *promql.Engine, queryable storage.Queryable, text string, at time.Time) answer {
	query, err := engine.NewInstantQuery(context.Background(), queryable, nil, text, at)
	if err != nil {
		return answer{Error: err.Error()}
	}
	defer query.Close()
	result := query.Exec(context.Background())
	vector, err := result.Vector()
	if err != nil {
		return answer{Error: err.Error()}
	}
	found := answer{Samples: make([]sample, 0, len(vector))}
	for _, one := range vector {
		found.Samples = append(found.Samples, sample{Labels: one.Metric.Map(), Value: one.F})
	}
	return found
}
