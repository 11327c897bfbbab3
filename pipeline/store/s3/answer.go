package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/minio/minio-go/v7"

	"github.com/monthend/monthend/pipeline/store"
)

// maxText is how many characters of a message of the service are kept.
const maxText = 300

// fail translates the answer err to a verb on a key; nil stays nil. The text of
// the service is kept, the error itself is not, and no address with a query.
func (s *Store) fail(verb, key string, err error) error {
	if err == nil {
		return nil
	}
	where := fmt.Sprintf("%s %s in %s", verb, key, s.Name())
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return broken(where, verb, err)
	}
	hint, kind := s.kindOf(verb, answer)
	text := clean(fmt.Sprintf("%d %s: %s", answer.StatusCode, answer.Code, answer.Message))
	if hint != "" {
		text += "; " + hint
	}
	if kind == nil {
		return fmt.Errorf("%s: %s", where, text)
	}
	return fmt.Errorf("%s: %w: %s", where, kind, text)
}

// broken words a call that got no whole answer.
func broken(where, verb string, err error) error {
	writes := verb == "create" || verb == "replace" || verb == "delete"
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		if writes { // it may have been applied
			return fmt.Errorf("%s: %w: %w", where, store.ErrUnsettled, err)
		}
		return fmt.Errorf("%s: %w", where, err)
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return fmt.Errorf("%s: certificate of the endpoint: %s; set a CA file if it is your own", where, clean(certificate.Err.Error()))
	}
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err // without the address, whose query may be signed
	}
	return fmt.Errorf("%s: %w: %s", where, store.ErrUnsettled, clean(err.Error()))
}

// errIsFolder is a bad key that may be none a moment later; see put.
var errIsFolder = fmt.Errorf("%w", store.ErrBadKey)

// kindOf reads the answer as the commit protocol does. The hint is the next
// step for a person, or ""; the kind may be nil.
func (s *Store) kindOf(verb string, a minio.ErrorResponse) (hint string, kind error) {
	switch a.Code {
	case "NoSuchBucket":
		return "make the bucket or correct its name; it is never made here", store.ErrGone
	case "ExistingObjectIsDirectory":
		return "", errIsFolder
	case "ObjectParentIsFile", "XMinioParentIsObject", "XMinioObjectExistsAsDirectory", "KeyTooLongError", "XMinioInvalidObjectName":
		return "", store.ErrBadKey
	case "ExpiredToken", "ExpiredTokenException":
		s.expired()
		return "the credentials have expired and are fetched anew at the next try", store.ErrUnsettled
	case "RequestTimeTooSkewed":
		return "set the clock of this machine", store.ErrDenied
	case "RequestTimeout", "BadDigest", "IncompleteBody", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch":
		return "", store.ErrUnsettled
	case "NotImplemented":
		return "", store.ErrUnsupported
	case "InvalidArgument", "InvalidRequest":
		if verb == "create" {
			return "the service may not know If-None-Match", store.ErrUnsupported
		}
	}
	return kindOfStatus(verb, a)
}

func kindOfStatus(verb string, a minio.ErrorResponse) (hint string, kind error) {
	switch status := a.StatusCode; {
	case status == http.StatusNotFound && a.XMLName.Local == "":
		// A proxy or a wrong address: taken as "not found" it would make a full
		// bucket look empty.
		return "the answer is no S3 error document; check the endpoint and what stands before it", store.ErrUnsettled
	case status == http.StatusNotFound:
		return "", store.ErrNotFound
	case status == http.StatusPreconditionFailed,
		status == http.StatusNotModified && verb == "create": // some servers
		return "", store.ErrExists
	case status == http.StatusConflict, status == http.StatusTooManyRequests,
		status == http.StatusRequestTimeout, status >= 500 && status != http.StatusNotImplemented:
		return "", store.ErrUnsettled
	case status == http.StatusNotImplemented:
		return "", store.ErrUnsupported
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return "", store.ErrDenied
	case status >= 300 && status < 400:
		return "redirects are not followed; set the region and the endpoint of the bucket", nil
	case status >= 200 && status < 300, // a success with an error document
		status == 0 && a.Code == minio.InternalError: // one that lacks what an object has
		return "", store.ErrUnsettled
	}
	return "", nil
}

// clean shortens a foreign text and takes line ends and escapes out of it.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText]) + "…"
	}
	return text
}
