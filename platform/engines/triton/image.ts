/** The image of a server whose spec names none. */
export const tritonImage = "nvcr.io/nvidia/tritonserver:26.07-py3";
