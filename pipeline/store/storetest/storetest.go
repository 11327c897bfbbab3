// Package storetest holds what tests need of stores: a suite that every store
// must pass, a wrapper that breaks chosen calls, and stores that lie.
//
// It owns no store that a product may use.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/monthend/monthend/pipeline/store"
)

const (
	raceRounds = 25
	contenders = 16
	bigBytes   = 20 << 20
	listedKeys = 1100 // more than a page of S3
)

// Run checks all promises of a store. open returns an empty store, or an empty
// part of one, each time it is called.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	tests := []struct {
		name string
		test func(*testing.T, store.Store)
	}{
		{"create", testCreate},
		{"sizes", testSizes},
		{"create race", testCreateRace},
		{"replace", testReplace},
		{"replace under readers", testReplaceUnderReaders},
		{"missing", testMissing},
		{"delete", testDelete},
		{"keys", testKeys},
		{"bad keys", testBadKeys},
		{"object and folder", testObjectAndFolder},
		{"delete beside create", testDeleteBesideCreate},
		{"list", testList},
		{"long list", testLongList},
		{"fetch", testFetch},
		{"settled", testSettled},
		{"bodies", testBodies},
		{"cancelled", testCancelled},
		{"probe", testProbe},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.test(t, open(t)) })
	}
}

func testCreate(t *testing.T, s store.Store) {
	ctx := t.Context()
	must(t, s.Create(ctx, "log/usage/0000", store.BytesBody([]byte("one"))))
	err := s.Create(ctx, "log/usage/0000", store.BytesBody([]byte("two")))
	wantKind(t, err, store.ErrExists)
	wantBytes(t, s, "log/usage/0000", []byte("one"))
	if s.Name() == "" || !strings.Contains(err.Error(), "log/usage/0000") {
		t.Errorf("name %q, error %q: want a name, and the key in the error", s.Name(), err)
	}
}

func testSizes(t *testing.T, s store.Store) {
	for _, size := range []int{0, 1, 4095, 4096, 65537, bigBytes} {
		data := noise(size)
		made, replaced := fmt.Sprintf("sizes/created-%d", size), fmt.Sprintf("sizes/replaced-%d", size)
		must(t, s.Create(t.Context(), made, store.BytesBody(data)))
		must(t, s.Replace(t.Context(), replaced, store.BytesBody(data)))
		wantBytes(t, s, made, data)
		wantBytes(t, s, replaced, data)
		n, sum, err := store.ReadBack(t.Context(), s, made)
		if must(t, err); n != int64(size) || sum != sha256.Sum256(data) {
			t.Errorf("read back of %d bytes: size %d or sum differs", size, n)
		}
	}
}

// testCreateRace also reads the loser's key at once: a loser must see the
// winner's bytes.
func testCreateRace(t *testing.T, s store.Store) {
	for round := range raceRounds {
		key := fmt.Sprintf("race/%d/slot", round)
		var mu sync.Mutex
		var winners []string
		together(contenders, func(i int) {
			text := fmt.Sprintf("round %d contender %d", round, i)
			err := s.Create(t.Context(), key, store.BytesBody([]byte(text)))
			for errors.Is(err, store.ErrUnsettled) {
				err = s.Create(t.Context(), key, store.BytesBody([]byte(text)))
			}
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				winners = append(winners, text)
				return
			}
			wantKind(t, err, store.ErrExists)
			if _, err := store.ReadAll(t.Context(), s, key, 100); err != nil {
				t.Errorf("loser reads %s: %v", key, err)
			}
		})
		if len(winners) != 1 {
			t.Fatalf("round %d: %d winners %q, want one", round, len(winners), winners)
		}
		wantBytes(t, s, key, []byte(winners[0]))
	}
}

func testReplace(t *testing.T, s store.Store) {
	ctx := t.Context()
	for _, text := range []string{"first, and long", "second", ""} {
		must(t, s.Replace(ctx, "bills/a/b.csv", store.BytesBody([]byte(text))))
		wantBytes(t, s, "bills/a/b.csv", []byte(text))
	}
	must(t, s.Create(ctx, "bills/a/c.csv", store.BytesBody([]byte("created"))))
	must(t, s.Replace(ctx, "bills/a/c.csv", store.BytesBody([]byte("replaced"))))
	wantBytes(t, s, "bills/a/c.csv", []byte("replaced"))
	wantKind(t, s.Create(ctx, "bills/a/b.csv", store.BytesBody(nil)), store.ErrExists)
}

// testReplaceUnderReaders: each read sees the bytes of one version.
func testReplaceUnderReaders(t *testing.T, s store.Store) {
	const key, size, versions, readers = "reports/a/manifest", 100_000, 20, 4
	version := func(n int) []byte { return bytes.Repeat([]byte{byte(n)}, size+n) }
	must(t, s.Replace(t.Context(), key, store.BytesBody(version(0))))
	done := make(chan struct{})
	together(readers+1, func(i int) {
		if i == readers {
			defer close(done)
			for n := range versions {
				must(t, s.Replace(t.Context(), key, store.BytesBody(version(n))))
			}
			return
		}
		for open := true; open; {
			select {
			case <-done:
				open = false
			default:
			}
			data, err := store.ReadAll(t.Context(), s, key, 2*size)
			must(t, err)
			if len(data) < size || !bytes.Equal(data, version(int(data[0]))) {
				t.Errorf("a reader saw a mixture or a part: %d bytes", len(data))
				return
			}
		}
	})
}

func testMissing(t *testing.T, s store.Store) {
	ctx := t.Context()
	_, _, err := s.Open(ctx, "log/usage/0001")
	wantKind(t, err, store.ErrNotFound)
	_, err = store.Fetch(ctx, s, "log/usage/0001", t.TempDir())
	wantKind(t, err, store.ErrNotFound)
	_, _, err = store.ReadBack(ctx, s, "log/usage/0001")
	wantKind(t, err, store.ErrNotFound)
	must(t, s.Create(ctx, "log/usage/0002/x", store.BytesBody(nil)))
	_, _, err = s.Open(ctx, "log/usage/0002")
	wantKind(t, err, store.ErrNotFound)
}

func testDelete(t *testing.T, s store.Store) {
	ctx := t.Context()
	must(t, s.Delete(ctx, "run/none/at-all"))
	must(t, s.Create(ctx, "run/a/b/c", store.BytesBody([]byte("x"))))
	must(t, s.Create(ctx, "run/a/d", store.BytesBody([]byte("y"))))
	must(t, s.Delete(ctx, "run/a/b"))
	wantBytes(t, s, "run/a/b/c", []byte("x"))
	must(t, s.Delete(ctx, "run/a/b/c"))
	must(t, s.Delete(ctx, "run/a/b/c"))
	_, _, err := s.Open(ctx, "run/a/b/c")
	wantKind(t, err, store.ErrNotFound)
	must(t, s.Create(ctx, "run/a/b", store.BytesBody([]byte("now an object"))))
	must(t, s.Create(ctx, "run/a/e/f", store.BytesBody([]byte("z"))))
	wantKeys(t, s, "run/", []string{"run/a/b", "run/a/d", "run/a/e/f"})
}

func testKeys(t *testing.T, s store.Store) {
	keys := []string{
		"a",
		"data/BILLING_PERIOD=2026-10/name-00001.snappy.parquet",
		"x:y/-_.=:/--/trailing.",
		strings.Repeat("s", store.MaxSegmentBytes),
		strings.Repeat("d/", 60) + "deep",
	}
	for i, key := range keys {
		must(t, s.Create(t.Context(), key, store.BytesBody([]byte{byte(i)})))
	}
	for i, key := range keys {
		wantBytes(t, s, key, []byte{byte(i)})
	}
	slices.Sort(keys)
	wantKeys(t, s, "", keys)
}

func testBadKeys(t *testing.T, s store.Store) {
	ctx := t.Context()
	for _, key := range BadKeys() {
		_, _, openErr := s.Open(ctx, key)
		for _, err := range []error{
			s.Create(ctx, key, store.BytesBody(nil)), s.Replace(ctx, key, store.BytesBody(nil)), s.Delete(ctx, key), openErr,
		} {
			wantKind(t, err, store.ErrBadKey)
		}
	}
	for _, prefix := range []string{"/", "a//", "../", "a/../", "a b"} {
		wantKind(t, s.List(ctx, prefix, func(store.Info) error { return nil }), store.ErrBadKey)
	}
}

// BadKeys lists keys that no store takes.
func BadKeys() []string {
	return []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", ".tmp/a", "a/.hidden", "a b", "a\x00b", "a\nb", "a\\b", "a%2e",
		"ä", "a+b", "~a", "a?b", "a*b", strings.Repeat("s", store.MaxSegmentBytes+1), strings.Repeat("ab/", 342),
	}
}

// testObjectAndFolder: a store may take both, or refuse the second as a bad
// key; it may not lose the first.
func testObjectAndFolder(t *testing.T, s store.Store) {
	ctx := t.Context()
	first := map[string]string{"one": "one/below", "two/below/it": "two"}
	for kept, other := range first {
		must(t, s.Create(ctx, kept, store.BytesBody([]byte("kept"))))
		for _, write := range []func(context.Context, string, store.Body) error{s.Create, s.Replace} {
			// A server may hang up behind such an answer: the next call is then unsettled.
			err := store.Repeat(ctx, s, func() error { return write(ctx, other, store.BytesBody(nil)) })
			if err != nil && !errors.Is(err, store.ErrExists) {
				wantKind(t, err, store.ErrBadKey)
			}
		}
		wantBytes(t, s, kept, []byte("kept"))
	}
}

// testDeleteBesideCreate: folders that become empty must not pull the ground
// from under a create.
func testDeleteBesideCreate(t *testing.T, s store.Store) {
	const rounds = 20
	together(8, func(i int) {
		for round := range rounds {
			key := fmt.Sprintf("probe/shared/%d-%d", i, round)
			must(t, s.Create(t.Context(), key, store.BytesBody([]byte(key))))
			wantBytes(t, s, key, []byte(key))
			must(t, s.Delete(t.Context(), key))
		}
	})
	wantKeys(t, s, "", nil)
}

func testList(t *testing.T, s store.Store) {
	ctx := t.Context()
	keys := []string{"a-b/1", "a.b", "a/b/1", "a/b/2", "a/c", "ab", "b/1"} // in the order of keys
	for _, i := range rand.Perm(len(keys)) {
		must(t, s.Create(ctx, keys[i], store.BytesBody(make([]byte, i))))
	}
	wantKeys(t, s, "", keys)
	wantKeys(t, s, "a", keys[:6])
	wantKeys(t, s, "a/", keys[2:5])
	wantKeys(t, s, "a/b", keys[2:4])
	wantKeys(t, s, "a/b/2", keys[3:4])
	wantKeys(t, s, "a/b/2/", nil)
	wantKeys(t, s, "zzz/", nil)
	must(t, s.List(ctx, "", func(info store.Info) error {
		if want := int64(slices.Index(keys, info.Key)); info.Size != want || info.Modified.IsZero() {
			t.Errorf("list of %s: size %d, modified %v, want size %d and a time", info.Key, info.Size, info.Modified, want)
		}
		return nil
	}))
	stop := errors.New("stop")
	seen := 0
	err := s.List(ctx, "a", func(info store.Info) error {
		seen++
		must(t, s.Delete(ctx, info.Key)) // fn may call the store
		if seen == 2 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || seen != 2 {
		t.Errorf("list went on after an error of fn: %d calls, %v", seen, err)
	}
	wantKeys(t, s, "", keys[2:])
}

func testLongList(t *testing.T, s store.Store) {
	keys := make([]string, listedKeys)
	for i := range keys {
		keys[i] = fmt.Sprintf("long/%d/%04d", i/600, i)
	}
	const writers = 8
	together(writers, func(w int) {
		for i := w; i < len(keys); i += writers {
			must(t, s.Create(t.Context(), keys[i], store.BytesBody(nil)))
		}
	})
	wantKeys(t, s, "long/", keys)
}

func testFetch(t *testing.T, s store.Store) {
	data, tmp := noise(300_000), t.TempDir()
	must(t, s.Create(t.Context(), "usage/batch/x", store.BytesBody(data)))
	f, err := store.Fetch(t.Context(), s, "usage/batch/x", tmp)
	must(t, err)
	whole, err := io.ReadAll(f)
	must(t, err)
	part := make([]byte, 1000)
	_, err = f.ReadAt(part, 123_456)
	must(t, err)
	if f.Size() != int64(len(data)) || !bytes.Equal(whole, data) || !bytes.Equal(part, data[123_456:124_456]) {
		t.Errorf("fetched file differs: size %d", f.Size())
	}
	must(t, f.Close())
	left, err := os.ReadDir(tmp)
	if must(t, err); len(left) != 0 {
		t.Errorf("fetch left %v behind", left)
	}
}

func testSettled(t *testing.T, s store.Store) {
	ctx := t.Context()
	must(t, store.CreateBytes(ctx, s, "run/x", []byte("same")))
	must(t, store.CreateBytes(ctx, s, "run/x", []byte("same")))
	wantKind(t, store.CreateBytes(ctx, s, "run/x", []byte("else")), store.ErrExists)
	wantBytes(t, s, "run/x", []byte("same"))
	must(t, store.ReplaceBytes(ctx, s, "reports/x", []byte("1")))
	must(t, store.ReplaceBytes(ctx, s, "reports/x", []byte("22")))
	wantBytes(t, s, "reports/x", []byte("22"))
	if _, err := store.ReadAll(ctx, s, "reports/x", 1); err == nil {
		t.Error("an object over the limit was read")
	}
}

func testBodies(t *testing.T, s store.Store) {
	ctx := t.Context()
	data, path := noise(70_000), filepath.Join(t.TempDir(), "body")
	must(t, os.WriteFile(path, data, 0o600))
	must(t, s.Create(ctx, "file/created", store.FileBody(path, int64(len(data)))))
	must(t, s.Replace(ctx, "file/replaced", store.FileBody(path, int64(len(data)))))
	wantBytes(t, s, "file/created", data)
	wantBytes(t, s, "file/replaced", data)
	if err := s.Create(ctx, "file/wrong", store.FileBody(path, 1)); err == nil {
		t.Error("a body of another size than announced was taken")
	}
	if err := s.Create(ctx, "file/none", store.FileBody(path+"-none", 1)); err == nil {
		t.Error("a body that does not exist was taken")
	}
	wantKeys(t, s, "", []string{"file/created", "file/replaced"})
}

func testCancelled(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, openErr := s.Open(ctx, "a")
	for i, err := range []error{
		s.Create(ctx, "a", store.BytesBody(nil)), s.Replace(ctx, "a", store.BytesBody(nil)), s.Delete(ctx, "a"), openErr,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d with a cancelled context: %v", i, err)
		}
	}
}

func testProbe(t *testing.T, s store.Store) {
	must(t, store.Probe(t.Context(), s, "nonce-1"))
	wantKeys(t, s, "", nil)
	must(t, store.Probe(t.Context(), s, "nonce-2", s, s))
}

// together runs n functions that begin at once, and waits for them.
func together(n int, fn func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	all.Wait()
}

// noise returns bytes that are the same in every run.
func noise(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got error %v, want kind %v", err, kind)
	}
}

func wantBytes(t *testing.T, s store.Store, key string, want []byte) {
	t.Helper()
	r, info, err := s.Open(t.Context(), key)
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) || info.Size != int64(len(want)) || info.Key != key {
		t.Errorf("%s holds %d bytes %.40q (info %+v, error %v), want %d bytes %.40q", key, len(got), got, info, err, len(want), want)
	}
}

func wantKeys(t *testing.T, s store.Store, prefix string, want []string) {
	t.Helper()
	var got []string
	must(t, s.List(t.Context(), prefix, func(info store.Info) error {
		got = append(got, info.Key)
		return nil
	}))
	if !slices.Equal(got, want) {
		t.Errorf("list of %q gives %d keys %.300q, want %d keys %.300q", prefix, len(got), got, len(want), want)
	}
}
