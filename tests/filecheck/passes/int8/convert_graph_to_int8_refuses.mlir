// RUN: not tf2c-opt %s -p convert-graph-to-int8 2>&1 | filecheck %s --check-prefix=UNSCALED
// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.ones((1, 2, 1, 1), 'f4'))" %t.npy
// RUN: not tf2c-opt %s -p 'choose-scales{images="%t.npy"},convert-graph-to-int8' 2>&1 | filecheck %s --check-prefix=RELU

// Scales are chosen before; additions and activations have joined a layer before.

// UNSCALED-NOT:  Traceback
// UNSCALED:      error: expected a chosen scale of the network's input, got none
// UNSCALED-NEXT: hint: run `choose-scales` first
// UNSCALED-NOT:  {{.}}

// RELU-NOT:      Traceback
// RELU:          error: layer `rectified`: `graph.relu` has no int8 form on its own
// RELU-NEXT:     hint: run the passes of the graph stage first
// RELU-NOT:      {{.}}

func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [2.0, 0.0, 0.0, 2.0]> : tensor<2x2x1x1xf32>
  %s = graph.conv %x, %w : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %y = graph.relu %s : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> loc("rectified")
  func.return %y : tensor<?x2x1x1xf32>
}
