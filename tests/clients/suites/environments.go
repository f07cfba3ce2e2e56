// Starts environments, and says how long that took (start N) or what they weigh together
// (together N).
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

func main() {
	count, err := strconv.Atoi(os.Args[2])
	must(err)
	switch os.Args[1] {
	case "start":
		start(count)
	case "together":
		together(count)
	}
}

// start starts and stops one environment after the other.
func start(count int) {
	var starts, stops []time.Duration
	for range count {
		environment := &envtest.Environment{}
		began := time.Now()
		_, err := environment.Start()
		must(err)
		starts = append(starts, time.Since(began))
		began = time.Now()
		must(environment.Stop())
		stops = append(stops, time.Since(began))
	}
	fmt.Printf("%d times: start %s, stop %s\n", count, spread(starts), spread(stops))
}

// spread is a distribution in words.
func spread(times []time.Duration) string {
	slices.Sort(times)
	at := func(share float64) int64 {
		return times[int(share*float64(len(times)-1))].Milliseconds()
	}
	return fmt.Sprintf("min %d median %d p90 %d max %d ms", at(0), at(0.5), at(0.9), at(1))
}

// together starts environments at once.
func together(count int) {
	environments := make([]envtest.Environment, count)
	var started sync.WaitGroup
	for index := range environments {
		started.Go(func() {
			_, err := environments[index].Start()
			must(err)
		})
	}
	started.Wait()
	// A second of rest, in which nothing more is to come.
	time.Sleep(time.Second)
	var rss, pss int
	for _, process := range children() {
		rss += kib(process, "Rss:")
		pss += kib(process, "Pss:")
	}
	fmt.Printf("%d at once: rss %.1f MiB, pss %.1f MiB\n",
		count, float64(rss)/1024, float64(pss)/1024)
	for index := range environments {
		must(environments[index].Stop())
	}
}

// children are the processes that this one started.
func children() []string {
	var found []string
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		status, _ := os.ReadFile(filepath.Join(folder, "status"))
		if strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())) {
			found = append(found, folder)
		}
	}
	return found
}

// kib is a line of a process's memory map, in KiB.
func kib(process, field string) int {
	text, err := os.ReadFile(filepath.Join(process, "smaps_rollup"))
	must(err)
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, field); found {
			value, err := strconv.Atoi(strings.Fields(rest)[0])
			must(err)
			return value
		}
	}
	return 0
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
