// Command with-s3 runs a command beside a real S3 server on loopback and ends
// with the exit code of the command. The script with-s3 builds and calls it.
//
// The servers are pinned in the go.mod of this folder (versitygw) and of the
// folder minio. They are programs of their own and are never linked into
// monthend.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	bucket    = "monthend-test"
	region    = "us-east-1"
	startTime = 30 * time.Second
	stopTime  = 10 * time.Second
)

// server is a program that speaks S3.
type server struct {
	name   string
	module string // folder of its go.mod, below the source folder
	pkg    string
	xattr  bool // keeps metadata in extended attributes
	// command returns its arguments and environment for an address and a
	// folder of data.
	command func(address, data, user, secret string) (args, env []string)
}

func servers() []server {
	return []server{
		{"versitygw", ".", "github.com/versity/versitygw/cmd/versitygw", true,
			func(address, data, user, secret string) ([]string, []string) {
				return []string{"--port", address, "--region", region, "--quiet", "posix", data},
					[]string{"ROOT_ACCESS_KEY_ID=" + user, "ROOT_SECRET_ACCESS_KEY=" + secret}
			}},
		{"minio", "minio", "github.com/minio/minio", false,
			func(address, data, user, secret string) ([]string, []string) {
				return []string{"server", "--quiet", "--address", address, data},
					[]string{"MINIO_ROOT_USER=" + user, "MINIO_ROOT_PASSWORD=" + secret, "MINIO_BROWSER=off", "MINIO_UPDATE=off", "CI=true",
						"HOME=" + data + ".home"} // it makes folders there
			}},
	}
}

func main() {
	code, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "with-s3:", err)
		os.Exit(125)
	}
	os.Exit(code)
}

func run() (int, error) {
	name := flag.String("server", "versitygw", "versitygw or minio")
	source := flag.String("source", ".", "folder of the go.mod that pins the servers")
	cache := flag.String("cache", "", "folder for the built servers")
	flag.Parse()
	if flag.NArg() == 0 {
		return 0, errors.New("no command given; usage: with-s3 [-server versitygw|minio] CMD...")
	}
	for _, s := range servers() {
		if s.name == *name {
			return runWith(s, *source, *cache, flag.Args())
		}
	}
	return 0, fmt.Errorf("unknown server %q; known are versitygw and minio", *name)
}

// runWith builds and starts s, runs the command, and stops and removes all.
func runWith(s server, source, cache string, command []string) (int, error) {
	program, err := build(s, filepath.Join(source, s.module), cache)
	if err != nil {
		return 0, err
	}
	work, err := os.MkdirTemp("", "monthend-s3-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)
	if s.xattr {
		if err := checkXattr(work); err != nil {
			return 0, err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	running, err := start(ctx, s, program, work)
	if err != nil {
		return 0, err
	}
	defer running.stop()
	return running.run(ctx, command)
}

// build makes the program unless the cache holds the pinned version already.
func build(s server, module, cache string) (string, error) {
	list := exec.Command("go", "list", "-f", "{{.Module.Version}}", s.pkg)
	list.Dir = module
	list.Stderr = os.Stderr
	version, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("find the pinned version of %s: %w", s.name, err)
	}
	program, err := filepath.Abs(filepath.Join(cache, s.name+"-"+strings.TrimSpace(string(version))))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	fmt.Fprintf(os.Stderr, "with-s3: building %s, once, in a few minutes\n", filepath.Base(program))
	// Two callers may build at once: each under a name of its own.
	temp := program + "." + rand.Text()
	build := exec.Command("go", "build", "-o", temp, s.pkg)
	build.Dir, build.Stdout, build.Stderr = module, os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", s.name, err)
	}
	return program, os.Rename(temp, program)
}

// instance is a server that runs.
type instance struct {
	cmd          *exec.Cmd
	exited       chan error
	log          string
	endpoint     string
	user, secret string
}

func start(ctx context.Context, s server, program, work string) (*instance, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(work, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, err
	}
	i := &instance{endpoint: "http://" + address, user: rand.Text(), secret: rand.Text(),
		log: filepath.Join(work, "server.log"), exited: make(chan error, 1)}
	log, err := os.Create(i.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args, env := s.command(address, data, i.user, i.secret)
	i.cmd = exec.Command(program, args...)
	i.cmd.Dir, i.cmd.Stdout, i.cmd.Stderr = work, log, log
	i.cmd.Env = append(os.Environ(), env...)
	// Its own group, so that an interrupt reaches the command first.
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := i.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { i.exited <- i.cmd.Wait() }()
	if err := i.makeBucket(ctx); err != nil {
		i.stop()
		text, _ := os.ReadFile(i.log)
		return nil, fmt.Errorf("start %s: %w\n%s", s.name, err, text)
	}
	return i, nil
}

// makeBucket tries until the server answers.
func (i *instance) makeBucket(ctx context.Context) error {
	client, err := minio.New(strings.TrimPrefix(i.endpoint, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(i.user, i.secret, ""), Region: region, MaxRetries: 1})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		err := client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{Region: region})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no bucket within %v: %w", startTime, err)
		case exit := <-i.exited:
			i.exited <- exit
			return fmt.Errorf("server ended: %v", exit)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// run starts the command and returns its exit code.
func (i *instance) run(ctx context.Context, command []string) (int, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTime
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"MONTHEND_TEST_S3_ENDPOINT="+i.endpoint, "MONTHEND_TEST_S3_BUCKET="+bucket,
		"AWS_ACCESS_KEY_ID="+i.user, "AWS_SECRET_ACCESS_KEY="+i.secret, "AWS_REGION="+region, "AWS_SESSION_TOKEN=")
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func (i *instance) stop() {
	_ = i.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-i.exited:
	case <-time.After(stopTime):
		_ = i.cmd.Process.Kill()
		<-i.exited
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
