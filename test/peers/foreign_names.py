"""The names that Keras and the PyTorch ports give the released variables, transcribed from their own code
(keras/applications/nasnet.py; pretrainedmodels/models/nasnet.py and nasnet_mobile.py, timm/models/nasnet.py).
"""

import re


def keras_blocks(cells):
    """block_id of every cell, in the words of Keras's own loops."""
    count = cells // 3
    ids = {"cell_stem_0": "stem_1", "cell_stem_1": "stem_2"}
    for i in range(count):
        ids[f"cell_{i}"] = f"{i}"
        ids[f"cell_{count + i}"] = f"{count + i + 1}"
        ids[f"cell_{2 * count + i}"] = f"{2 * count + i + 1}"
    ids["reduction_cell_0"] = f"reduce_{count}"
    ids["reduction_cell_1"] = f"reduce_{2 * count}"
    return ids


def torch_cells(cells):
    """The ports' modules: six cells a stage, of which the mobile one has the first four."""
    count = cells // 3
    names = {name: name for name in ["cell_stem_0", "cell_stem_1", "reduction_cell_0", "reduction_cell_1"]}
    for stage in range(3):
        for i in range(count):
            names[f"cell_{stage * count + i}"] = f"cell_{[0, 6, 12][stage] + i}"
    return names


def to_keras(name, cells):
    """`cell_0/comb_iter_0/left/bn_sep_5x5_1/gamma` → `separable_conv_1_bn_normal_left1_0/gamma`"""
    if name.startswith("final_layer"):
        return "predictions/kernel" if name.endswith("weights") else "predictions/bias"
    if name.startswith("conv0"):
        return name.replace("conv0_bn/", "stem_bn1/").replace("conv0/weights", "stem_conv1/kernel")
    scope, rest = name.split("/", 1)
    block = keras_blocks(cells)[scope]
    kind = "normal" if scope.startswith("cell_") and "stem" not in scope else "reduction"
    layer, variable = rest.rsplit("/", 1)
    plain = {
        "1x1": f"{kind}_conv_1_{block}",
        "beginning_bn": f"{kind}_bn_1_{block}",
        "prev_1x1": f"adjust_conv_projection_{block}",
        "prev_bn": f"adjust_bn_{block}",
        "path1_conv": f"adjust_conv_1_{block}",
        "path2_conv": f"adjust_conv_2_{block}",
        "final_path_bn": f"adjust_bn_{block}",
    }
    variable = {"weights": "kernel", "depthwise_weights": "depthwise_kernel", "pointwise_weights": "pointwise_kernel"}.get(
        variable, variable)
    if layer in plain:
        return f"{plain[layer]}/{variable}"
    number, side, unit = re.fullmatch(r"comb_iter_(\d)/(left|right)/(.*)", layer).groups()
    which = f"{kind}_{side}{int(number) + 1}_{block}"
    if which.startswith("reduction_left5"):
        which = which.replace("left5", "left4")  # x5_1 is made with block_id 'reduction_left4_…'
    turn = unit[-1]
    return f"separable_conv_{turn}_{'bn_' if unit.startswith('bn') else ''}{which}/{variable}"


def to_torch(name, cells):
    """`cell_0/comb_iter_0/left/bn_sep_5x5_1/gamma` → `cell_0.comb_iter_0_left.bn_sep_1.weight`"""
    variables = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var",
                 "weights": "weight", "biases": "bias"}
    if name.startswith("final_layer"):
        return f"last_linear.{variables[name.split('/')[-1]]}"
    if name.startswith("conv0"):
        layer, variable = name.split("/")
        return f"conv0.{'bn' if layer == 'conv0_bn' else 'conv'}.{variables[variable]}"
    scope, rest = name.split("/", 1)
    cell = torch_cells(cells)[scope]
    layer, variable = rest.rsplit("/", 1)
    plain = {"1x1": "conv_1x1.conv", "beginning_bn": "conv_1x1.bn", "prev_1x1": "conv_prev_1x1.conv",
             "prev_bn": "conv_prev_1x1.bn", "path1_conv": "path_1.conv", "path2_conv": "path_2.conv",
             "final_path_bn": "final_path_bn"}
    if layer in plain:
        return f"{cell}.{plain[layer]}.{variables[variable]}"
    number, side, unit = re.fullmatch(r"comb_iter_(\d)/(left|right)/(.*)", layer).groups()
    block = f"{cell}.comb_iter_{number}_{side}"
    if unit.startswith("bn_sep"):
        return f"{block}.bn_sep_{unit[-1]}.{variables[variable]}"
    return f"{block}.separable_{unit[-1]}.{variable.split('_')[0]}_conv2d.weight"


def torch_layout(name, value):
    """TensorFlow's [height, width, in, out], [height, width, channels, 1] and [in, out] in PyTorch's order."""
    if name.endswith("depthwise_weights"):
        return value.permute(2, 3, 0, 1)
    return value.permute(3, 2, 0, 1) if value.dim() == 4 else value.t() if value.dim() == 2 else value
