// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// The engine's tensors have one scale.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `part`: the engine stores tensors of one scale, these have one per channel
// CHECK-NEXT: hint: stop before the engine with `--to shift`: the interpreter runs it
// CHECK-NOT:  {{.}}
func.func @main(%x: tensor<?x2x1x1xi8, #int8.pow2<[-6, -5], axis = 1>>) -> tensor<?x1x1x1xi8, #int8.pow2<[-6], axis = 1>> {
  %y = layout.slice %x from [0, 0, 0] to [1, 1, 1] step [1, 1, 1] : (tensor<?x2x1x1xi8, #int8.pow2<[-6, -5], axis = 1>>) -> tensor<?x1x1x1xi8, #int8.pow2<[-6], axis = 1>> loc("part")
  func.return %y : tensor<?x1x1x1xi8, #int8.pow2<[-6], axis = 1>>
}
