package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An alarm reaches the webhook once a day, the dead-man switch hears of ticks
// that went well, and neither address stands in what is printed.
func TestTickTellsPeople(t *testing.T) {
	var heard []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard = append(heard, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
	}))
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "m")
	var printed strings.Builder
	monthend := func(want int, args ...string) {
		t.Helper()
		p := &program{stdout: &printed, stderr: &printed, clock: time.Now, env: []string{"MONTHEND_CONFIG=" + filepath.Join(dir, "monthend.yaml"),
			"MONTHEND_WEBHOOK_URL=" + server.URL + "/hook-token", "MONTHEND_PING_URL=" + server.URL + "/ping-token"}}
		if code := p.run(t.Context(), args); code != want {
			t.Fatalf("%q: exit code %d, want %d\n%s", args, code, want, printed.String())
		}
	}
	monthend(exitOK, "sample", "--dir", dir, "--records", "30", "--accounts", "3", "--organizations", "1")
	config, err := os.OpenFile(filepath.Join(dir, "monthend.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = config.WriteString("alarms: {allow_local: true}\n")
	if e := config.Close(); err != nil || e != nil {
		t.Fatal(err, e)
	}
	monthend(exitOK, "init")
	monthend(exitOK, "tick", "--now", "2026-10-20T09:00:00Z")
	monthend(exitAlarm, "tick", "--now", "2026-11-12T09:00:00Z")
	monthend(exitOK, "tick", "--now", "2026-11-12T09:01:00Z")
	if len(heard) != 3 || heard[0] != "GET /ping-token" || heard[2] != heard[0] ||
		!strings.Contains(heard[1], `POST /hook-token {"kind":"deadline-missed","issuer":"example-cloud","period":"2026-10"`) {
		t.Errorf("heard %q", heard)
	}
	if strings.Contains(printed.String(), "-token") {
		t.Error("an address was printed")
	}
}
