package config

import _ "embed"

//go:embed example.yaml
var example string

//go:embed example_organization.yaml
var exampleOrganization string

//go:embed example_offers.yaml
var exampleOffers string

// Example returns a configuration file with every key, in comments where it
// shows a default.
func Example() string { return example }

// ExampleOrganization returns an organization file with every key.
func ExampleOrganization() string { return exampleOrganization }

// ExampleOffers returns an offers file with every key.
func ExampleOffers() string { return exampleOffers }
