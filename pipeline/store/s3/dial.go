package s3

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/monthend/monthend/pipeline/store"
)

const (
	// clientTries is how often the client itself sends a request that may be
	// repeated.
	clientTries = 3
	// roleTime limits the search for a role of the machine, which fails slowly
	// where there is none.
	roleTime = 5 * time.Second
)

// dial makes the client without a request to the service.
func dial(opts Options) (*Store, error) {
	opts = withDefaults(opts)
	address, err := parseEndpoint(opts.Endpoint)
	if err != nil {
		return nil, err
	}
	if opts.Prefix != "" {
		if err := store.CheckKey(opts.Prefix); err != nil {
			return nil, fmt.Errorf("s3: prefix: %w", err)
		}
	}
	creds := findCredentials(opts.Profile)
	value, err := creds.GetWithContext(nil)
	if err != nil || value.AccessKeyID == "" {
		return nil, fmt.Errorf("s3 %s %s: %w: no credentials in the environment, in the shared credentials file or from a role of this machine; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile", opts.Endpoint, opts.Bucket, store.ErrDenied)
	}
	s := &Store{opts: opts, secure: address.Scheme == "https", expired: creds.Expire, answer: answerTime}
	way, err := transport(opts, s.secure)
	if err != nil {
		return nil, err
	}
	if s.once, err = s.client(address.Host, creds, way, 1); err != nil {
		return nil, err
	}
	if s.again, err = s.client(address.Host, creds, way, clientTries); err != nil {
		return nil, err
	}
	return s, nil
}

func withDefaults(opts Options) Options {
	if opts.Region == "" {
		opts.Region = "us-east-1"
	}
	if opts.Endpoint == "" {
		opts.Endpoint = "https://s3." + opts.Region + ".amazonaws.com"
	}
	if opts.Slowest <= 0 {
		opts.Slowest = DefaultSlowest
	}
	return opts
}

// parseEndpoint never quotes an address that may hold a password.
func parseEndpoint(endpoint string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return nil, fmt.Errorf("s3: endpoint is no URL; write it like https://s3.example.com:9000")
	case u.User != nil:
		return nil, fmt.Errorf("s3: endpoint holds a user or password; give credentials in the environment or a profile")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("s3: endpoint holds a query; write it like https://s3.example.com:9000")
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || (u.Path != "" && u.Path != "/"):
		return nil, fmt.Errorf("s3: endpoint %q is not of the form https://host or http://host:port", endpoint)
	}
	return u, nil
}

func findCredentials(profile string) *credentials.Credentials {
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{Profile: profile},
		&credentials.IAM{Client: &http.Client{Timeout: roleTime}},
	})
}

func (s *Store) client(host string, creds *credentials.Credentials, way *http.Transport, tries int) (*minio.Core, error) {
	lookup := minio.BucketLookupAuto
	if s.opts.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.NewCore(host, &minio.Options{
		Creds:           creds,
		Secure:          s.secure,
		Transport:       way,
		Region:          s.opts.Region,
		BucketLookup:    lookup,
		TrailingHeaders: s.opts.TrailingChecksums,
		MaxRetries:      tries,
	})
	if err != nil {
		return nil, fmt.Errorf("s3 %s: %v", s.opts.Endpoint, err)
	}
	return client, nil
}

// transport is the way to the endpoint. Time limits that depend on the size of
// a body are not its business.
func transport(opts Options, secure bool) (*http.Transport, error) {
	t, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("s3: make transport: %v", err)
	}
	t.ResponseHeaderTimeout = 0
	t.MaxIdleConnsPerHost = 64
	if opts.CAFile == "" {
		return t, nil
	}
	return t, addCertificates(t, opts.CAFile)
}

// addCertificates lets t believe the authorities in file besides the system's.
func addCertificates(t *http.Transport, file string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("s3: read CA file: %v", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("s3: CA file %s holds no certificate in PEM", file)
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.RootCAs = pool
	return nil
}
