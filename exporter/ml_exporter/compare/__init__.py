"""A file of rows beside a baseline, or a baseline beside another: for a person, a pipeline, a cron job."""
