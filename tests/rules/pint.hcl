// What pint finds without a running Prometheus; what is disabled here is so on purpose.

checks {
  // Groups look at the last evaluation of each other, which is at most one interval old.
  disabled = ["rule/dependency"]
}

check "promql/regexp" {
  smelly = false
}

rule {
  match {
    name = "MLWatchdog"
  }
  // It always fires: that is its purpose.
  disable = ["alerts/comparison"]
}

rule {
  match {
    name = "model:ml_latency_objective:bucket"
  }
  // It takes "or ignoring (le)" for an operator that drops le; set operators drop nothing.
  disable = ["promql/impossible"]
}

rule {
  match {
    kind = "alerting"
  }
  annotation "(summary|description|first_step|runbook_url|dashboard_url)" {
    severity = "bug"
    required = true
  }
  label "severity" {
    severity = "bug"
    required = true
    value    = "critical|warning|info|none"
  }
}
