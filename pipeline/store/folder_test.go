package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline/store"
)

func TestOpenFolderNeedsInit(t *testing.T) {
	root := t.TempDir()
	if _, err := store.OpenFolder(root); !errors.Is(err, store.ErrGone) {
		t.Errorf("an empty folder was opened as a store: %v", err)
	}
	if _, err := store.OpenFolder(filepath.Join(root, "none")); !errors.Is(err, store.ErrGone) {
		t.Errorf("a folder that is not there was opened: %v", err)
	}
	if _, err := store.InitFolder(filepath.Join(root, "new", "store")); err != nil {
		t.Error(err)
	}
	if _, err := store.OpenFolder(filepath.Join(root, "new", "store")); err != nil {
		t.Error(err)
	}
}

// TestFolderGone: when the disk is unmounted, the store does not look empty.
func TestFolderGone(t *testing.T) {
	for _, empty := range []bool{false, true} { // empty: the mount point is still there
		root := filepath.Join(t.TempDir(), "store")
		s, err := store.InitFolder(root)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.CreateBytes(t.Context(), s, "log/a/0", nil); err != nil {
			t.Fatal(err)
		}
		os.RemoveAll(root)
		if empty {
			os.Mkdir(root, 0o700)
		}
		_, _, openErr := s.Open(t.Context(), "log/a/0")
		for i, err := range []error{
			openErr,
			s.Create(t.Context(), "log/a/1", store.BytesBody(nil)),
			s.Replace(t.Context(), "log/a/1", store.BytesBody(nil)),
			s.Delete(t.Context(), "log/a/0"),
			s.List(t.Context(), "", func(store.Info) error { return nil }),
		} {
			if !errors.Is(err, store.ErrGone) {
				t.Errorf("empty %v, call %d: %v, want ErrGone", empty, i, err)
			}
		}
	}
}

func TestFolderSweepsOldTemps(t *testing.T) {
	root := t.TempDir()
	if _, err := store.InitFolder(root); err != nil {
		t.Fatal(err)
	}
	young, old := filepath.Join(root, ".tmp", "young"), filepath.Join(root, ".tmp", "old")
	for path, age := range map[string]time.Duration{young: 23 * time.Hour, old: 25 * time.Hour} {
		when := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.OpenFolder(root); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(filepath.Join(root, ".tmp"))
	if len(entries) != 1 || entries[0].Name() != "young" {
		t.Errorf("left after the sweep: %v", entries)
	}
}

func TestFolderPassesOverForeignFiles(t *testing.T) {
	root := t.TempDir()
	s, err := store.InitFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".DS_Store", "a file", "~lock"} {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.List(t.Context(), "", func(i store.Info) error { return fmt.Errorf("lists %s", i.Key) }); err != nil {
		t.Error(err)
	}
	if _, _, err := s.Open(t.Context(), "pipe"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("open of a pipe: %v", err)
	}
	if err := s.Create(t.Context(), "x", store.BytesBody(nil)); err != nil {
		t.Error(err)
	}
	temps, _ := os.ReadDir(filepath.Join(root, ".tmp"))
	if len(temps) != 0 {
		t.Errorf("temporary files left: %v", temps)
	}
}

// TestFolderTwoProcesses lets stores race that know nothing of each other.
func TestFolderTwoProcesses(t *testing.T) {
	root := t.TempDir()
	var stores []store.Store
	for range 4 {
		s, err := store.InitFolder(root)
		if err != nil {
			t.Fatal(err)
		}
		stores = append(stores, s)
	}
	if err := store.Probe(t.Context(), stores[0], "nonce", stores[1:]...); err != nil {
		t.Error(err)
	}
	var all sync.WaitGroup
	for i, s := range stores {
		all.Go(func() {
			for n := range 50 {
				key := fmt.Sprintf("x/y/%d-%d", i, n)
				if err := errors.Join(s.Create(t.Context(), key, store.BytesBody(nil)), s.Delete(t.Context(), key)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// TestFolderKilled kills a writer at several instants: what it had reported is
// there, and what is there is whole.
func TestFolderKilled(t *testing.T) {
	if root := os.Getenv("STORE_TEST_KILLED"); root != "" {
		writeUntilKilled(root)
	}
	const size = 200_000
	for _, after := range []int{1, 2, 5, 11} {
		root := t.TempDir()
		s, err := store.InitFolder(root)
		if err != nil {
			t.Fatal(err)
		}
		reported := runAndKill(t, root, after)
		seen := map[string]bool{}
		err = s.List(t.Context(), "", func(i store.Info) error {
			seen[i.Key] = true
			data, err := store.ReadAll(t.Context(), s, i.Key, size)
			if err == nil && string(data) != strings.Repeat(i.Key[len(i.Key)-1:], size) {
				err = fmt.Errorf("%s is not whole: %d bytes", i.Key, len(data))
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		for _, key := range reported {
			if !seen[key] {
				t.Errorf("%s was reported and is not there", key)
			}
		}
		if len(reported) < after {
			t.Errorf("writer reported %d keys before it was killed, want %d", len(reported), after)
		}
	}
}

func writeUntilKilled(root string) {
	s, err := store.OpenFolder(root)
	for n := 0; err == nil; n++ {
		key := fmt.Sprintf("run/%d/%d", n, n%10)
		body := store.BytesBody([]byte(strings.Repeat(fmt.Sprint(n%10), 200_000)))
		if err = s.Create(context.Background(), key, body); err == nil {
			fmt.Println(key)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// runAndKill returns the keys that the writer reported.
func runAndKill(t *testing.T, root string, after int) []string {
	cmd := exec.Command(os.Args[0], "-test.run=^TestFolderKilled$")
	cmd.Env = append(os.Environ(), "STORE_TEST_KILLED="+root)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		keys = append(keys, lines.Text())
		if len(keys) == after {
			time.Sleep(time.Duration(after) * time.Millisecond)
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	return keys
}
