// Command faults attacks the real program, as processes, on a real S3 server:
// it kills them, freezes them while another closes, and breaks the network
// between. After each attack a plain run must bring the month to the same
// bytes as an undisturbed one, with nothing lost and nothing twice. It is run
// by with-s3, which starts the server; every address in it is on loopback.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// counts is what was done and what came of it.
type counts struct {
	kills, freezes, toxics, faults int // processes killed, processes stopped, months behind a toxic, answers forged
	violations                     int
}

func main() {
	var want counts
	seed := flag.Uint64("seed", 1, "of all random choices")
	only := flag.Int("point", -1, "only this attack of its kind, with a full account of it")
	program := flag.String("program", "", "a built program to attack; otherwise it is built")
	flag.IntVar(&want.kills, "kills", 120, "kill -9, each at another call")
	flag.IntVar(&want.freezes, "freezes", 30, "SIGSTOP, another closes, SIGCONT")
	flag.IntVar(&want.toxics, "toxics", len(toxics()), "months behind a toxic of toxiproxy")
	flag.IntVar(&want.faults, "faults", 150, "answers 500, 503 or 200 with an error, at least")
	flag.Parse()
	done, err := attack(*program, *seed, *only, want)
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
	fmt.Printf("faults: %d kills, %d freezes, %d toxics, %d faults, %d violations, seed %d\n",
		done.kills, done.freezes, done.toxics, done.faults, done.violations, *seed)
	if done.violations > 0 || *only < 0 && (done.kills < want.kills || done.freezes < want.freezes || done.toxics < want.toxics || done.faults < want.faults) {
		os.Exit(1)
	}
}

// attack makes all attacks in turn. Each has its own random numbers, so that
// one of them can be made again alone.
func attack(program string, seed uint64, only int, want counts) (counts, error) {
	dir, err := os.MkdirTemp("", "monthend-faults-")
	if err != nil {
		return counts{}, err
	}
	defer os.RemoveAll(dir)
	l, err := newLab(program, dir)
	if err != nil {
		return counts{}, err
	}
	l.say("seed %d; undisturbed: %d calls and %d more of the probe, %s", seed, l.calls, l.probeCalls, l.want)
	parts := []struct {
		name   string
		attack func(*trial)
		more   func(next int) bool
	}{
		{"kill", (*trial).kill, func(next int) bool { return l.done.kills < want.kills && next < 2*want.kills }},
		{"freeze", (*trial).freeze, func(next int) bool { return l.done.freezes < want.freezes && next < 2*want.freezes }},
		{"toxic", (*trial).toxic, func(next int) bool { return next < want.toxics }},
		{"fault", (*trial).fault, func(next int) bool { return l.done.faults < want.faults && next < want.faults }},
	}
	for stream, part := range parts {
		began, n := time.Now(), 0
		for ; part.more(n) && only < 0; n++ {
			l.try(part.name, n, rand.New(rand.NewPCG(seed, uint64(stream)<<32|uint64(n))), part.attack)
		}
		if only >= 0 && part.more(0) {
			l.try(part.name, only, rand.New(rand.NewPCG(seed, uint64(stream)<<32|uint64(only))), part.attack)
		}
		l.say("%s: %d months in %.0f s, %d violations so far", part.name, n, time.Since(began).Seconds(), l.done.violations)
	}
	return l.done, nil
}

// build makes the program as it is shipped, without C.
func build(dir string) (string, error) {
	program := filepath.Join(dir, "monthend")
	cmd := exec.Command("go", "build", "-C", "../..", "-trimpath", "-o", program, "./cmd/monthend")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return program, nil
}
