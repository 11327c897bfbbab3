package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

const (
	period = "2026-10"
	now    = "2026-11-04T09:00:00Z" // what the processes take for the time
)

// steps are the commands of a month.
func steps() [][]string {
	return [][]string{{"ingest"}, {"report"}, {"close", "--period", period}, {"invoice", "--period", period}, {"publish", "--period", period}}
}

// lab is the program, a small month for it, and the server.
type lab struct {
	program, dir, month string
	endpoint            string
	bucket              *bucket
	want                *state // of the undisturbed month
	// Calls of the undisturbed month without its probe, of its close alone, and
	// of its probe.
	calls, closeCalls, probeCalls int
	done                          counts
}

func newLab(program, dir string) (*lab, error) {
	l := &lab{program: program, dir: dir, month: filepath.Join(dir, "month"), endpoint: os.Getenv("MONTHEND_TEST_S3_ENDPOINT")}
	var err error
	if l.bucket, err = openBucket(l.endpoint); err != nil {
		return nil, err
	}
	if program == "" {
		if l.program, err = build(dir); err != nil {
			return nil, err
		}
	}
	sample := exec.Command(l.program, "sample", "--dir", l.month, "--period", period, "--records", "300",
		"--accounts", "3", "--organizations", "1", "--late", "0", "--duplicates", "0.02", "--files", "4")
	if out, err := sample.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make the sample: %w\n%s", err, out)
	}
	return l, l.undisturbed()
}

// undisturbed runs the month that all others are compared with.
func (l *lab) undisturbed() error {
	t := &trial{lab: l, prefix: "undisturbed"}
	g, err := newGate(l.endpoint, nil)
	if err != nil {
		return err
	}
	defer g.close()
	for _, step := range steps() {
		before := int(g.calls.Load())
		if code, _ := t.run(t.config(g.url), nil, [][]string{step}); code != 0 {
			return fmt.Errorf("undisturbed month: %s exits with %d\n%s", step, code, t.output.String())
		}
		if step[0] == "close" {
			l.closeCalls = int(g.calls.Load()) - before
		}
	}
	l.calls, l.probeCalls = int(g.calls.Load()), int(g.probe.Load())
	if l.want, err = l.bucket.state(t.prefix); err != nil {
		return err
	}
	l.want.status = t.status()
	return l.want.sane()
}

func (l *lab) say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// try makes one attack in a fresh prefix, finishes the month with a plain run
// and looks at it.
func (l *lab) try(name string, n int, rng *rand.Rand, attack func(*trial)) {
	t := &trial{lab: l, name: name, n: n, rng: rng, prefix: fmt.Sprintf("%s-%04d", name, n)}
	attack(t)
	t.finish()
	if len(t.wrong) == 0 {
		return
	}
	l.done.violations += len(t.wrong)
	l.say("%s %d (%s):\n  %s\n%s", name, n, t.what, strings.Join(t.wrong, "\n  "), t.output.String())
}

// trial is one attack on one month.
type trial struct {
	*lab
	name, prefix string
	n            int
	what         string // of the attack, for people
	rng          *rand.Rand
	wrong        []string
	mu           sync.Mutex
	output       bytes.Buffer // of the processes
}

func (t *trial) fail(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
}

// config writes a configuration that leads to the trial's prefix by an
// endpoint, and returns its name.
func (t *trial) config(endpoint string) string {
	name := filepath.Join(t.month, t.prefix+"-"+endpoint[strings.LastIndex(endpoint, ":")+1:]+".yaml")
	text := fmt.Sprintf(`store: {s3: {endpoint: %q, bucket: %q, region: %q, prefix: %q, path_style: true}}
organization: organization.yaml
prices: [prices.csv]
offers: offers.yaml
sources: [{name: meter, kind: events, path: usage}]
exports: [{name: cur, format: csv}]
close: {wait: 0s}
`, endpoint, t.bucket.name, os.Getenv("AWS_REGION"), t.prefix)
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.fail("write a configuration: %v", err)
	}
	return name
}

// command is a process that is about to start. What it keeps beside the store
// lies in the lab's folder, so that a killed one leaves nothing elsewhere.
func (t *trial) command(config string, args ...string) *exec.Cmd {
	cmd := exec.Command(t.program, args...)
	cmd.Env = append(os.Environ(), "MONTHEND_CONFIG="+config, "MONTHEND_NOW="+now, "TMPDIR="+t.dir, "XDG_CACHE_HOME="+filepath.Join(t.dir, "cache"))
	return cmd
}

// child is the process of the moment, for those who stop it.
type child struct {
	mu      sync.Mutex
	process *os.Process
}

func (c *child) signal(s os.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.process.Signal(s) // it may have ended
}

// run executes the commands up to the first that does not exit with 0; a killed
// one has the code -1.
func (t *trial) run(config string, c *child, commands [][]string) (code int, command string) {
	if c == nil {
		c = new(child)
	}
	for _, args := range commands {
		cmd := t.command(config, args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		c.mu.Lock()
		err := cmd.Start()
		c.process = cmd.Process
		c.mu.Unlock()
		if err == nil {
			err = cmd.Wait()
		}
		t.log(args, out.String(), err)
		if err != nil {
			return cmd.ProcessState.ExitCode(), args[0]
		}
	}
	return 0, ""
}

func (t *trial) log(args []string, out string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(&t.output, "    $ monthend %s\n", strings.Join(args, " "))
	for line := range strings.Lines(out) {
		t.output.WriteString("    " + line)
	}
	if err != nil {
		fmt.Fprintf(&t.output, "    (%v)\n", err)
	}
}

// status is what the program itself says of the month.
func (t *trial) status() string {
	out, err := t.command(t.config(t.endpoint), "status").Output()
	if err != nil {
		t.fail("status: %v", err)
	}
	return string(out)
}

// finish runs the month again, undisturbed, and compares.
func (t *trial) finish() {
	config := t.config(t.endpoint)
	if code, step := t.run(config, nil, steps()); code != 0 {
		t.fail("the plain run after it: %s exits with %d", step, code)
	}
	if code, _ := t.run(config, nil, [][]string{{"verify", "--period", period}}); code != 0 {
		t.fail("verify exits with %d", code)
	}
	t.compare()
}

func (t *trial) compare() {
	got, err := t.bucket.state(t.prefix)
	if err != nil {
		t.fail("read the bucket: %v", err)
		return
	}
	got.status = t.status()
	for _, difference := range got.differs(t.want) {
		t.fail("%s", difference)
	}
}
