package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucket reads the objects past the program, with a client of its own.
type bucket struct {
	name   string
	client *minio.Client
}

func openBucket(endpoint string) (*bucket, error) {
	if !strings.HasPrefix(endpoint, "http://127.0.0.1:") {
		return nil, fmt.Errorf("MONTHEND_TEST_S3_ENDPOINT is %q, not on loopback: run under testdata/s3server/with-s3", endpoint)
	}
	client, err := minio.New(strings.TrimPrefix(endpoint, "http://"), &minio.Options{
		Creds: credentials.NewEnvAWS(), Region: os.Getenv("AWS_REGION")})
	return &bucket{name: os.Getenv("MONTHEND_TEST_S3_BUCKET"), client: client}, err
}

// state is what a month came to.
type state struct {
	copies   map[string][]byte // invoices, bills and reports, by key
	records  map[string]int    // log records that must be there once, by log and kind
	accepted int64             // records accepted, over all INGEST records
	rows     int               // of the report
	twice    int               // line items of the report that stand in it more than once
	status   string
}

// once are the kinds of records of which a month has exactly one.
func once() []string { return []string{"CLOSE", "ISSUE", "PUBLISH"} }

func (b *bucket) state(prefix string) (*state, error) {
	s := &state{copies: map[string][]byte{}, records: map[string]int{}}
	for info := range b.client.ListObjectsIter(context.Background(), b.name, minio.ListObjectsOptions{Prefix: prefix + "/", Recursive: true}) {
		if info.Err != nil {
			return nil, info.Err
		}
		key := strings.TrimPrefix(info.Key, prefix+"/")
		switch place, _, _ := strings.Cut(key, "/"); place {
		case "log", "series", "invoices", "bills", "reports":
			object, err := b.client.GetObject(context.Background(), b.name, info.Key, minio.GetObjectOptions{})
			if err != nil {
				return nil, err
			}
			data, err := io.ReadAll(object)
			if err != nil {
				return nil, err
			}
			// The manifest names its files with their prefix in the bucket.
			if err := s.add(place, key, bytes.ReplaceAll(data, []byte(prefix), []byte("PREFIX"))); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return s, nil
}

func (s *state) add(place, key string, data []byte) error {
	switch {
	case place == "log" || place == "series":
		return s.addRecord(key, data)
	case strings.HasSuffix(key, ".csv.gz"):
		if err := s.addRows(data); err != nil {
			return err
		}
	}
	s.copies[key] = data
	return nil
}

func (s *state) addRecord(key string, data []byte) error {
	var record struct {
		Kind string `json:"kind"`
		Body struct {
			Batches []struct {
				Rows int64 `json:"rows"`
			} `json:"batches"`
		} `json:"body"`
	}
	if err := json.Unmarshal(data, &record); err != nil {
		return err
	}
	if slices.Contains(once(), record.Kind) {
		s.records[key[:strings.LastIndex(key, "/")+1]+record.Kind]++
	}
	for _, b := range record.Body.Batches {
		s.accepted += b.Rows
	}
	return nil
}

func (s *state) addRows(data []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		return err
	}
	id := slices.Index(rows[0], "identity_line_item_id")
	start := slices.Index(rows[0], "identity_time_interval")
	if id < 0 || start < 0 {
		return fmt.Errorf("the report has no column for the identity of its lines")
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		name := row[id] + " " + row[start]
		if seen[name] {
			s.twice++
		}
		seen[name] = true
	}
	s.rows += len(seen)
	return nil
}

// sane keeps an empty month from being the measure of all others.
func (s *state) sane() error {
	if s.rows == 0 || s.twice > 0 || s.accepted == 0 || len(s.copies) < 5 || len(s.records) != len(once()) {
		return fmt.Errorf("the undisturbed month is none: %s, %d rows twice, records %v", s, s.twice, s.records)
	}
	return nil
}

func (s *state) String() string {
	return fmt.Sprintf("%d objects for people, %d records accepted, %d rows", len(s.copies), s.accepted, s.rows)
}

// differs tells where s is not as want.
func (s *state) differs(want *state) []string {
	var all []string
	keys := maps.Clone(want.copies)
	maps.Copy(keys, s.copies)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		got, here := s.copies[key]
		other, there := want.copies[key]
		switch {
		case !here:
			all = append(all, "lost: "+key)
		case !there:
			all = append(all, "too many: "+key)
		case !bytes.Equal(got, other):
			all = append(all, "other bytes: "+key)
		}
	}
	if !maps.Equal(s.records, want.records) {
		all = append(all, fmt.Sprintf("records %v, want %v", s.records, want.records))
	}
	if s.accepted != want.accepted || s.rows != want.rows || s.twice != want.twice {
		all = append(all, fmt.Sprintf("%s, %d twice; want %s", s, s.twice, want))
	}
	if s.status != want.status {
		all = append(all, fmt.Sprintf("status says\n%swant\n%s", s.status, want.status))
	}
	return all
}
