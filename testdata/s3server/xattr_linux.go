package main

import (
	"fmt"
	"syscall"
)

// checkXattr refuses a file system without user attributes: versitygw would
// then keep its metadata beside the objects and lose updates.
func checkXattr(dir string) error {
	if err := syscall.Setxattr(dir, "user.monthend", []byte("1"), 0); err != nil {
		return fmt.Errorf("no user xattrs in %s: %w; set TMPDIR to a folder on another file system", dir, err)
	}
	return nil
}
