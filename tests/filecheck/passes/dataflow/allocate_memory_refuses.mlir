// RUN: not tf2c-opt %s -p convert-shift-to-dataflow,allocate-memory 2>&1 | filecheck %s --check-prefix=LARGE
// RUN: not tf2c-opt %s -p allocate-memory 2>&1 | filecheck %s --check-prefix=ENGINE

// What one job needs at once fits into the cache, and how much that is depends on the engine.

// LARGE-NOT:  Traceback
// LARGE:      error: layer `dataflow.job`: expected at most 262144 channel vectors in the feature cache at once, got 10000000000
// LARGE-NEXT: hint: use smaller images, or an engine with a `cache_depth` of 625000000 or more
// LARGE-NOT:  {{.}}

// ENGINE-NOT: Traceback
// ENGINE:     error: expected one `dataflow.engine` in the module, got none
// ENGINE-NOT: a bug of tf2c

func.func @main(%f: tensor<?x1x100000x100000xf32>) -> tensor<?x1x100000x100000xi8, #int8.pow2<-6>> {
  %q = int8.quantize %f : tensor<?x1x100000x100000xf32> -> tensor<?x1x100000x100000xi8, #int8.pow2<-6>>
  func.return %q : tensor<?x1x100000x100000xi8, #int8.pow2<-6>>
}
