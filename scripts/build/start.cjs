/* Apart from popgate.cjs, since a Node that knows no import() refuses a whole file that has one. */
void import("./main.js");
