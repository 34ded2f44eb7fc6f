// RUN: python -c "import sys, numpy; t = numpy.arange(64) / 64; numpy.save(sys.argv[1], numpy.stack([t, t], 1).reshape(64, 2, 1, 1).astype('f4'))" %t.npy
// RUN: tf2c-opt %s -p 'choose-scales{images="%t.npy"},convert-graph-to-int8,round-weights-to-pow2' | filecheck %s --check-prefix=BEFORE
// RUN: tf2c-opt %s -p 'choose-scales{images="%t.npy"},convert-graph-to-int8,round-weights-to-pow2,learn-rounding{images="%t.npy"}' | filecheck %s

// Both inputs are always the same, so that only the sum of their weights counts. Each by itself, they
// are nearest to 1 and 0.5, which is 0.6 less than 2.1. The steps stay.
// BEFORE-LABEL: func.func @main
// BEFORE:         int8.constant <1x2x1x1xi8, [64, 32]>
// BEFORE:         int8.requantize %2 shift [8]
// CHECK-LABEL:  func.func @main
// CHECK:          int8.constant <1x2x1x1xi8, [64, 64]> from <1x2x1x1xf32, [1.4, 0.7]> : tensor<1x2x1x1xi8, #int8.pow2<[-6], axis = 0>>
// CHECK:          int8.requantize %2 shift [8]
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x1x1x1xf32> {
  %w = graph.constant <1x2x1x1xf32, [1.4, 0.7]> : tensor<1x2x1x1xf32>
  %y = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<1x2x1x1xf32> -> tensor<?x1x1x1xf32>
  func.return %y : tensor<?x1x1x1xf32>
}
