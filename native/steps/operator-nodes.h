// Nodes of libtorch's operators: each calls what the operator and its gradient call, without autograd's graph.
#pragma once

#include "kernels/step-node.h"

namespace nasnet::steps {

using kernels::ObservedCall;
using kernels::StepNode;

/** Each makes a node of a call, or nothing where autograd must compute it (island.h). */
std::unique_ptr<StepNode> addNode(const ObservedCall& call);
std::unique_ptr<StepNode> reluInPlaceNode(const ObservedCall& call);
std::unique_ptr<StepNode> reluNode(const ObservedCall& call);
std::unique_ptr<StepNode> contiguousNode(const ObservedCall& call);
std::unique_ptr<StepNode> dropoutNode(const ObservedCall& call);
std::unique_ptr<StepNode> flattenNode(const ObservedCall& call);
std::unique_ptr<StepNode> sumNode(const ObservedCall& call);
std::unique_ptr<StepNode> divideNode(const ObservedCall& call);
std::unique_ptr<StepNode> linearNode(const ObservedCall& call);
std::unique_ptr<StepNode> crossEntropyNode(const ObservedCall& call);

}  // namespace nasnet::steps
