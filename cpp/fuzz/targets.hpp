// The entry points of the engine, each called with what some bytes say.
#pragma once

#include "bytes.hpp"

namespace cl2d::fuzz {

void make_blocks(Bytes& bytes);
void sample_images(Bytes& bytes);
void search_blocks(Bytes& bytes);
void search_some(Bytes& bytes);
void refine_poses(Bytes& bytes);
void move_blocks(Bytes& bytes);
void add_members(Bytes& bytes);
void compare_pixels(Bytes& bytes);
void add_pixels(Bytes& bytes);
void scale_pixels(Bytes& bytes);
void find_components(Bytes& bytes);

}  // namespace cl2d::fuzz
