package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// staleAfter is the age at which a temporary file belongs to a dead writer.
const staleAfter = 24 * time.Hour

// writeTemp writes body to a new file, syncs it and returns its path.
func (f *Folder) writeTemp(body Body) (path string, err error) {
	source, err := body.Open()
	if err != nil {
		return "", err
	}
	defer source.Close()
	temp, err := f.newTemp()
	if err != nil {
		return "", err
	}
	n, err := io.Copy(temp, source)
	if err == nil && n != body.Size() {
		err = fmt.Errorf("body gave %d bytes, %d were announced", n, body.Size())
	}
	if err == nil {
		err = temp.Sync()
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(temp.Name())
	}
	return temp.Name(), err
}

func (f *Folder) newTemp() (*os.File, error) {
	path := filepath.Join(f.root, tempFolder, rand.Text())
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// sweep removes temporary files that are older than staleAfter by the clock of
// the file system, which may be another machine's.
func (f *Folder) sweep() error {
	mark, err := f.newTemp()
	if err != nil {
		return err
	}
	defer os.Remove(mark.Name())
	defer mark.Close()
	now, err := mark.Stat()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(f.root, tempFolder))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		stat, err := entry.Info()
		if err == nil && now.ModTime().Sub(stat.ModTime()) > staleAfter {
			err = os.Remove(filepath.Join(f.root, tempFolder, entry.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// makeFolders makes dir and the folders above it, and sees that each of their
// names is on disk, whoever made them.
func (f *Folder) makeFolders(dir string) error {
	if dir == f.root {
		return f.present()
	}
	stat, err := os.Lstat(dir)
	if err == nil && f.isSynced(dir, stat) {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := f.makeFolders(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return ignoreVanished(err)
	}
	if stat, err = os.Lstat(dir); err == nil && !stat.IsDir() {
		return fmt.Errorf("%w: %s is an object, not a folder of objects", ErrBadKey, dir)
	}
	if err == nil {
		err = syncFolder(parent)
	}
	if err != nil {
		return ignoreVanished(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.synced[dir] = stat
	return nil
}

// isSynced compares identities, for another process may have removed the
// folder and made it anew.
func (f *Folder) isSynced(dir string, stat fs.FileInfo) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.synced[dir]
	return ok && os.SameFile(known, stat)
}

// removeEmpty removes dir and the folders above it as long as they are empty.
func (f *Folder) removeEmpty(dir string) {
	for ; dir != f.root; dir = filepath.Dir(dir) {
		if err := syscall.Rmdir(dir); err != nil {
			return // not empty, or already removed
		}
		f.mu.Lock()
		delete(f.synced, dir)
		f.mu.Unlock()
	}
}

// present says ErrGone when the folder of the store is not there, as after an
// unmount.
func (f *Folder) present() error {
	stat, err := os.Stat(filepath.Join(f.root, tempFolder))
	switch {
	case err == nil && stat.IsDir():
		return nil
	case err == nil || errors.Is(err, fs.ErrNotExist) || isNotFolder(err):
		return fmt.Errorf("%s: %w: no %s in it; check the path and whether the disk is mounted", f.root, ErrGone, tempFolder)
	}
	return diskError(err)
}

// fail words an error of the disk, with its kind.
func (f *Folder) fail(verb, key string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || isNotFolder(err) {
		if gone := f.present(); gone != nil {
			return fmt.Errorf("%s %s: %w", verb, key, gone)
		}
		if verb == "open" || verb == "delete" {
			return fmt.Errorf("%s %s in %s: %w", verb, key, f.Name(), ErrNotFound)
		}
	}
	if stat, statErr := os.Lstat(f.path(key)); statErr == nil && stat.IsDir() {
		return fmt.Errorf("%s %s in %s: %w: it is a folder of objects", verb, key, f.Name(), ErrBadKey)
	}
	return fmt.Errorf("%s %s in %s: %w", verb, key, f.Name(), diskError(err))
}

// diskError translates an error of the operating system into one of ours. One
// that is ours already passes.
func diskError(err error) error {
	for _, kind := range []error{ErrBadKey, ErrGone, ErrUnsettled} {
		if errors.Is(err, kind) {
			return err
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return ErrExists
	case errors.Is(err, errors.ErrUnsupported), isLinkRefused(err):
		return fmt.Errorf("%w: hard links, which this file system does not have: %v", ErrUnsupported, err)
	case isNotFolder(err), errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%w: an object and a folder of objects cannot share a name", ErrBadKey)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %v", ErrDenied, err)
	}
	return fmt.Errorf("disk: %v", err)
}

// isLinkRefused: file systems without hard links answer EPERM to a link.
func isLinkRefused(err error) bool {
	var link *os.LinkError
	return errors.As(err, &link) && link.Op == "link" && errors.Is(err, syscall.EPERM)
}

func isNotFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }

// ignoreVanished lets the caller go on when a folder was removed by a
// concurrent Delete; placing the file then fails, and all is tried again.
func ignoreVanished(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncFolder makes the names in dir durable.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // there a folder cannot be synced
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
