// Package sim attacks the month: it runs the real verbs of package pipeline as
// many processes over one simulated bucket, lets one store call happen at a time
// in an order that a seed decides, breaks calls and kills processes, and then
// checks everything that can be told from the bucket. It consists of tests; what
// it checks is owned elsewhere.
package sim
