// Package jobs says when: which jobs are due, in which order they run, what is
// kept of each run, and who is told when something goes wrong.
//
// What is due is a pure function of the schedule, the logs and the time, so a
// program that slept through three nights, was started twice, or runs in a zone
// whose clock jumped, does the same as one that never slept. Cron only wakes the
// daemon.
//
// It does not own what a job does, which is package pipeline's, nor the
// configuration file and the way to a webhook, which are given to it. Nothing
// here is needed for correctness: a job that runs twice does nothing twice.
package jobs
