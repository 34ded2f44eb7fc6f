// RUN: not tf2c-opt %s -p learn-rounding 2>&1 | filecheck %s --check-prefix=ALONE
// RUN: not tf2c-opt %s -p 'learn-rounding{weights=shift3}' 2>&1 | filecheck %s --check-prefix=FORM
// RUN: not tf2c-opt %s -p 'learn-rounding{rounds=0}' 2>&1 | filecheck %s --check-prefix=ROUNDS
// RUN: not tf2c-opt %s -p 'learn-rounding{layers=0}' 2>&1 | filecheck %s --check-prefix=LAYERS

// Targets come from the float network, which the conversion to int8 leaves in the context.
// ALONE:      error: expected the float network to compare with, got none
// ALONE-NEXT: hint: run `convert-graph-to-int8` in the same pipeline
// ALONE-NOT:  {{.}}

// FORM:       error: expected weights of shift, int8, got `shift3`
// FORM-NOT:   {{.}}

// ROUNDS:     error: expected rounds >= 1, got 0
// ROUNDS-NOT: {{.}}

// LAYERS:     error: expected layers per block >= 1, got 0
// LAYERS-NOT: {{.}}
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  func.return %x : tensor<?x2x1x1xf32>
}
