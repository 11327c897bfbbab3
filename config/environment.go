package config

import (
	"errors"
	"net/url"
	"strings"

	"github.com/monthend/monthend/schema"
)

// Secret is a value that is never printed: every way to render it gives stars.
// Reveal returns the value itself.
type Secret struct{ value string }

// Reveal returns the value, blank when none was given.
func (s Secret) Reveal() string { return s.value }

// IsZero tells whether no value was given.
func (s Secret) IsZero() bool { return s.value == "" }

// String returns stars, or nothing when no value was given.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return "***"
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String, for JSON and logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Secrets come from the environment and from nowhere else. Credentials of S3
// are not among them: its client reads AWS_* itself.
type Secrets struct {
	PingURL      Secret // MONTHEND_PING_URL: URL called after each look at the schedule that went well; it holds a token
	WebhookURL   Secret // MONTHEND_WEBHOOK_URL: URL to which alarms are posted; it may hold a token
	SMTPPassword Secret // MONTHEND_SMTP_PASSWORD: password for sending mail
}

const envPrefix = "MONTHEND_"

// environment reads the variables that begin with MONTHEND_ and refuses the
// ones it does not know, since a misspelt one would be a silent default.
// MONTHEND_CONFIG, the path of the file, is read before by the command.
func (r *reader) environment(s *Secrets, env []string) {
	known := keys{"MONTHEND_CONFIG": nil, "MONTHEND_PING_URL": nil, "MONTHEND_WEBHOOK_URL": nil, "MONTHEND_SMTP_PASSWORD": nil}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) {
			continue
		}
		var err error
		switch name {
		case "MONTHEND_CONFIG":
		case "MONTHEND_PING_URL":
			s.PingURL, err = Secret{value}, checkURL(value)
		case "MONTHEND_WEBHOOK_URL":
			s.WebhookURL, err = Secret{value}, checkURL(value)
		case "MONTHEND_SMTP_PASSWORD":
			s.SMTPPassword, err = Secret{value}, checkText(value)
		default:
			r.problems = append(r.problems, schema.Problem{File: "environment", Field: schema.Shorten(name), Reason: "is not a variable of monthend", Hint: suggest(name, known)})
		}
		if err != nil {
			reason, hint, _ := strings.Cut(err.Error(), "; ")
			r.problems = append(r.problems, schema.Problem{File: "environment", Field: name, Reason: reason, Hint: hint})
		}
	}
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("is not a URL; write https:// and what follows")
	}
	return nil
}
