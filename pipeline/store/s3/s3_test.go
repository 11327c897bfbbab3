package s3

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/pipeline/store/storetest"
)

// serverOptions names the real server that with-s3 has started.
func serverOptions(t *testing.T) Options {
	endpoint := os.Getenv("MONTHEND_TEST_S3_ENDPOINT")
	if endpoint == "" {
		t.Skip("no S3 server: run under testdata/s3server/with-s3, which sets MONTHEND_TEST_S3_ENDPOINT")
	}
	return Options{
		Endpoint: endpoint, Bucket: os.Getenv("MONTHEND_TEST_S3_BUCKET"), Region: os.Getenv("AWS_REGION"),
		Prefix: "test/" + strings.ToLower(rand.Text()), PathStyle: true,
	}
}

func openServer(t *testing.T) store.Store {
	s, err := Open(t.Context(), serverOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestServer(t *testing.T) {
	serverOptions(t)
	storetest.Run(t, openServer)
}

func TestServerMissingBucket(t *testing.T) {
	opts := serverOptions(t)
	opts.Bucket = "no-such-bucket-here"
	if _, err := Open(t.Context(), opts); !errors.Is(err, store.ErrGone) {
		t.Errorf("missing bucket: %v", err)
	}
}

func TestServerWrongSecret(t *testing.T) {
	opts := serverOptions(t)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
	_, err := Open(t.Context(), opts)
	if !errors.Is(err, store.ErrDenied) || strings.Contains(err.Error(), "another-secret") {
		t.Errorf("wrong secret: %v", err)
	}
}

// TestServerParts replaces an object in parts.
func TestServerParts(t *testing.T) {
	s := openServer(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), (partBytes+partBytes/2)/16)
	if err := store.ReplaceBytes(t.Context(), s, "reports/big", data); err != nil {
		t.Fatal(err)
	}
	size, sum, err := store.ReadBack(t.Context(), s, "reports/big")
	if err != nil || size != int64(len(data)) || sum != sha256.Sum256(data) {
		t.Errorf("read back: %d bytes, %v", size, err)
	}
}

// TestCase_D65_ForeignKeys reads a bucket whose keys have letters of all kinds.
func TestCase_D65_ForeignKeys(t *testing.T) {
	opts := serverOptions(t)
	opts.Foreign, opts.Prefix = true, ""
	s, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	under := "foreign " + strings.ToLower(rand.Text()) + "/"
	keys := []string{"a b.csv", "a%2Fb.csv", "a+b.csv", "ä/ö 계량.csv", ".hidden/x.csv"}
	for _, key := range keys {
		if err := store.ReplaceBytes(t.Context(), s, under+key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	err = s.List(t.Context(), under, func(i store.Info) error {
		data, err := store.ReadAll(t.Context(), s, i.Key, i.Size)
		seen[strings.TrimPrefix(i.Key, under)] = true
		if string(data) != strings.TrimPrefix(i.Key, under) {
			t.Errorf("%q holds %q", i.Key, data)
		}
		return err
	})
	if err != nil || len(seen) != len(keys) {
		t.Errorf("%d of %d keys were seen: %v (%v)", len(seen), len(keys), seen, err)
	}
}
