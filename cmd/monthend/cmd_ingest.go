package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/config"
	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/store"
)

func (p *program) ingestCommand() *cobra.Command {
	var sourceName string
	var final bool
	cmd := &cobra.Command{
		Use:   "ingest [FILE|FOLDER|s3://BUCKET/PREFIX ...]",
		Short: "Take in usage records",
		Long: `Takes in usage from the sources of the configuration, or from the files and
folders named, which then belong to the one source or to --source. A file that
was taken in before is passed over.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.open(cmd.Context(), making)
			if err != nil {
				return err
			}
			defer s.close()
			return p.ingest(cmd.Context(), s, sourceName, args, final)
		},
	}
	cmd.Flags().StringVar(&sourceName, "source", "", "source of the configuration (default: all)")
	cmd.Flags().BoolVar(&final, "final", false, "a snapshot is final though rows have no invoice id")
	return cmd
}

func (p *program) ingest(ctx context.Context, s *session, sourceName string, paths []string, final bool) error {
	sources, err := chooseSources(s.config.Sources, sourceName, len(paths) > 0)
	if err != nil {
		return err
	}
	var results []*pipeline.Ingested
	for _, source := range sources {
		from := paths
		if len(from) == 0 {
			if source.Path == "" {
				return usageError{fmt.Errorf("source %s has no path; name files on the command line or set sources.path", source.Name)}
			}
			from = []string{source.Path}
		}
		result, err := s.take(ctx, source, from, final)
		if err != nil {
			return err
		}
		results = append(results, result)
	}
	s.bar.finish()
	if p.json {
		err = p.resultJSON(results)
	} else {
		p.printIngested(results)
	}
	return errors.Join(err, refusedAny(results))
}

// take ingests what lies under paths.
func (s *session) take(ctx context.Context, source config.Source, paths []string, final bool) (*pipeline.Ingested, error) {
	files, err := listInputs(ctx, s, paths)
	if err != nil {
		return nil, err
	}
	return s.Ingest(ctx, ingestSource(source, final), files)
}

func chooseSources(all []config.Source, name string, one bool) ([]config.Source, error) {
	if name != "" {
		i := slices.IndexFunc(all, func(s config.Source) bool { return s.Name == name })
		if i < 0 {
			return nil, usageError{fmt.Errorf("source %q is not in the configuration", name)}
		}
		return all[i : i+1], nil
	}
	if one && len(all) > 1 {
		return nil, usageError{fmt.Errorf("files need --source: the configuration has %d sources", len(all))}
	}
	return all, nil
}

func ingestSource(c config.Source, final bool) ingest.Source {
	formats := map[string]ingest.Format{"auto": ingest.Auto, "csv": ingest.CSV, "jsonl": ingest.JSONL, "parquet": ingest.Parquet, "cur": ingest.CUR}
	return ingest.Source{Name: c.Name, Format: formats[c.Format], Snapshot: c.Kind == "snapshot", RowRejects: c.RejectRows(), Final: final}
}

func refusedAny(results []*pipeline.Ingested) error {
	for _, r := range results {
		if len(r.Refused) > 0 || len(r.Rejects) > 0 || len(r.Growing) > 0 {
			return errData
		}
	}
	return nil
}

func (p *program) printIngested(results []*pipeline.Ingested) {
	for _, r := range results {
		for _, f := range r.Refused {
			p.say("%s: refused, nothing of it was taken in:", f.File.Name)
			p.problems(f.Problems)
		}
		for _, reject := range r.Rejects {
			p.say("set aside %s: %s", reject.ID, reject.Problem.Error())
		}
		for _, name := range r.Growing {
			p.say("%s: changed while it was read; it is left for the next run", name)
		}
		read, accepted, duplicate, rejected := r.Totals()
		p.result("%s: %s files, read %s = accepted %s + duplicate %s + rejected %s", r.Source, count(int64(len(r.Files)+len(r.Refused))),
			count(read), count(accepted), count(duplicate), count(rejected))
		if n := len(r.Known); n > 0 {
			p.result("%s: %s files were known already", r.Source, count(int64(n)))
		}
		for _, kind := range slices.Sorted(mapsKeys(r.LeftOut)) {
			p.result("%s: left out %s rows of type %s: they follow from commitments, which the offers hold", r.Source, count(r.LeftOut[kind]), kind)
		}
	}
}

func mapsKeys(m map[string]int64) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// listInputs finds the files of paths, in the order of their names.
func listInputs(ctx context.Context, s *session, paths []string) ([]ingest.Input, error) {
	var files []ingest.Input
	for _, path := range paths {
		var found []ingest.Input
		var err error
		if bucket, ok := strings.CutPrefix(path, "s3://"); ok {
			found, err = listBucket(ctx, s, bucket)
		} else {
			found, err = listFolder(path)
		}
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

func listFolder(path string) ([]ingest.Input, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %s", path, reason(err))}
	}
	if !info.IsDir() {
		return []ingest.Input{diskInput(filepath.Base(path), path, info.Size())}, nil
	}
	var files []ingest.Input
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || skipName(d.Name()) {
			return err
		}
		info, err := os.Stat(name) // of the file itself where name is a link
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(path, name)
		files = append(files, diskInput(filepath.ToSlash(rel), name, info.Size()))
		return err
	})
	slices.SortFunc(files, func(a, b ingest.Input) int { return strings.Compare(a.Name, b.Name) })
	return files, err
}

// skipName passes over hidden files and what lies beside the data files of a
// report.
func skipName(name string) bool {
	for _, end := range []string{"-Manifest.json", "-Quality.json", ".sql", ".yml"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func diskInput(name, path string, size int64) ingest.Input {
	return ingest.Input{
		Name: name, Size: size,
		Open:   func() (io.ReadCloser, error) { return os.Open(path) },
		OpenAt: func() (ingest.ReaderAtCloser, error) { return os.Open(path) },
	}
}

// listBucket lists a prefix of a bucket. The bucket of the configured store is
// reached through it, another one at the same endpoint with the same
// credentials.
func listBucket(ctx context.Context, s *session, address string) ([]ingest.Input, error) {
	bucket, prefix, _ := strings.Cut(address, "/")
	if bucket == "" {
		return nil, usageError{fmt.Errorf("s3://%s names no bucket; write s3://bucket/prefix", address)}
	}
	var c config.S3
	if s.config.Store.S3 != nil {
		c = *s.config.Store.S3
	}
	c.Bucket, c.Prefix = bucket, ""
	st, err := openS3(c, true)
	if err != nil {
		return nil, err
	}
	var files []ingest.Input
	err = st.List(ctx, prefix, func(info store.Info) error {
		if name := info.Key[strings.LastIndex(info.Key, "/")+1:]; name != "" && !skipName(name) {
			files = append(files, bucketInput(ctx, s, st, info))
		}
		return nil
	})
	return files, err
}

func bucketInput(ctx context.Context, s *session, st store.Store, info store.Info) ingest.Input {
	return ingest.Input{
		Name: info.Key, Size: info.Size,
		Open: func() (io.ReadCloser, error) {
			r, _, err := st.Open(ctx, info.Key)
			return r, err
		},
		OpenAt: func() (ingest.ReaderAtCloser, error) { return store.Fetch(ctx, st, info.Key, s.TempDir) },
	}
}
