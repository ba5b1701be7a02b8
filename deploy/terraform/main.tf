# The service principal of the daemon, its secret, and the grants that Zerobus asks for. The table is there already: the daemon makes it, or
# docs/layouts.md has the statement.
terraform {
  required_providers {
    databricks = {
      source  = "databricks/databricks"
      version = ">= 1.60"
    }
  }
}

variable "catalog" {
  type    = string
  default = "main"
}

variable "schema" {
  type    = string
  default = "salesforce"
}

variable "table" {
  type    = string
  default = "change_events"
}

resource "databricks_service_principal" "sfcdc" {
  display_name     = "sfcdc"
  workspace_access = true
}

resource "databricks_service_principal_secret" "sfcdc" {
  service_principal_id = databricks_service_principal.sfcdc.id
}

resource "databricks_grant" "catalog" {
  catalog    = var.catalog
  principal  = databricks_service_principal.sfcdc.application_id
  privileges = ["USE_CATALOG"]
}

resource "databricks_grant" "schema" {
  schema     = "${var.catalog}.${var.schema}"
  principal  = databricks_service_principal.sfcdc.application_id
  privileges = ["USE_SCHEMA"]
}

# On the table itself: Zerobus takes no inherited grants.
resource "databricks_grant" "table" {
  table      = "${var.catalog}.${var.schema}.${var.table}"
  principal  = databricks_service_principal.sfcdc.application_id
  privileges = ["SELECT", "MODIFY"]
}

output "client_id" {
  value = databricks_service_principal.sfcdc.application_id
}

output "client_secret" {
  value     = databricks_service_principal_secret.sfcdc.secret
  sensitive = true
}
